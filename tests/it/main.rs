//! xask as its users meet it: the built binary, run in a folder and an environment of its own, against
//! a scripted service on loopback. Nothing here looks inside the program.

mod deadline;
mod harness;
mod network;
mod output;
mod rehearsal;
mod reply;
mod retry;
mod service;
mod support;
