//! xask as its users meet it: the built binary, run in a folder and an environment of its own, against
//! a scripted service on loopback. Nothing here looks inside the program.

mod cache;
mod cli;
mod conversation;
mod cost;
mod deadline;
mod harness;
mod help;
mod image_files;
mod images;
mod models;
mod network;
mod output;
mod output_file;
mod progress;
mod prompt;
mod proxy;
mod recipes;
mod rehearsal;
mod reply;
mod request;
mod retry;
mod schema;
mod service;
mod stdin;
mod stream;
mod support;
mod tidy;
mod tls;
