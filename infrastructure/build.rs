//! Migrations are embedded, and the macro that does it does not notice a new file.
fn main() {
    println!("cargo::rerun-if-changed=../migrations");
}
