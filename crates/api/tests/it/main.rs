//! The doors from outside: requests into the router, with a real engine, journal and read model behind it.

mod accounts;
mod behind;
mod bodies;
mod deposits;
mod doors;
mod events;
mod health;
mod moves;
mod openapi;
mod operator;
mod page;
mod repeats;
mod secrets;
mod signed;
mod transfers;
mod withdrawals;
mod world;
