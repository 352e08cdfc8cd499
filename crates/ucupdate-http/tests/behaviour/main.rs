//! How the HTTP face behaves, from request to rows.

mod answers_of_files;
mod answers_of_the_handler;
mod field_log;
mod fixture;
mod on_the_wire;
mod outside;
mod rows;
