//! xask as its users meet it: the built binary, run in a folder and an environment of its own, against
//! a scripted service on loopback. Nothing here looks inside the program.

mod cli;
mod conversation;
mod deadline;
mod harness;
mod help;
mod image_files;
mod images;
mod network;
mod output;
mod prompt;
mod proxy;
mod rehearsal;
mod reply;
mod request;
mod retry;
mod service;
mod stdin;
mod stream;
mod support;
mod terminal;
mod tls;
