//! What commands say on standard output, and into files. Whoever reads it there may go at any time (`posthaste log tail | head`), and that is no
//! failure.

use std::fmt::Arguments;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;
use std::process;

/// What a shell says of a program that was ended by a pipe nobody reads any more.
const NOBODY_READS: i32 = 141;

/// As `println!`, but ends the program quietly when nobody reads any more.
macro_rules! say {
    ($($said:tt)*) => { $crate::cli::out::line(format_args!($($said)*)) };
}
pub(crate) use say;

/// A line on standard output.
pub(crate) fn line(said: Arguments<'_>) {
    if let Err(error) = writeln!(io::stdout().lock(), "{said}") {
        failed(&error);
    }
}

/// A file that must not be there yet, for nobody else to read.
pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Ends the program, because nothing can be said any more: quietly if it is only that nobody reads.
pub(crate) fn failed(error: &io::Error) -> ! {
    if error.kind() == ErrorKind::BrokenPipe {
        process::exit(NOBODY_READS);
    }
    eprintln!("posthaste: cannot write to standard output: {error}");
    process::exit(1)
}
