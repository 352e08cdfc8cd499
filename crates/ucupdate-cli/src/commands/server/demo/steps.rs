//! The output of the demo: numbered steps as text, or one JSON object at the end.

use crate::failure::Failure;
use crate::output::Output;
use serde::Serialize;
use std::fmt::Display;

/// Writes the numbered steps of the demo, then the audit log, and then the commands to try.
pub(crate) struct DemoOutput<'c> {
    output: &'c mut Output,
    printed: DemoSteps,
}

/// The steps that were printed so far.
#[derive(Debug, Default, Serialize)]
struct DemoSteps {
    steps: Vec<DemoStep>,
    /// The lines of the audit log, the header first.
    audit_log: Vec<String>,
    /// The commands to try. Empty unless the server stays.
    to_try: Vec<CommandToTry>,
}

#[derive(Debug, Serialize)]
struct DemoStep {
    title: String,
    lines: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct CommandToTry {
    pub(crate) what: &'static str,
    /// The command line for a shell.
    pub(crate) command: String,
}

impl<'c> DemoOutput<'c> {
    pub(crate) fn new(output: &'c mut Output) -> Self {
        Self { output, printed: DemoSteps::default() }
    }

    /// Writes the title of the next step, with its number.
    pub(crate) fn step(&mut self, title: impl Display) -> Result<(), Failure> {
        let title = title.to_string();
        let number = self.printed.steps.len() + 1;
        self.text(format_args!("{}{number}. {title}", if number == 1 { "" } else { "\n" }))?;
        self.printed.steps.push(DemoStep { title, lines: Vec::new() });
        Ok(())
    }

    /// Writes a line of the current step.
    pub(crate) fn line(&mut self, line: impl Display) -> Result<(), Failure> {
        let line = line.to_string();
        self.text(format_args!("   {line}"))?;
        if let Some(step) = self.printed.steps.last_mut() {
            step.lines.push(line);
        }
        Ok(())
    }

    /// Writes the lines of the audit log unchanged.
    pub(crate) fn audit_log(&mut self, log: &str) -> Result<(), Failure> {
        for (index, line) in log.lines().enumerate() {
            self.text(format_args!("{}{line}", if index == 0 { "\n" } else { "" }))?;
            self.printed.audit_log.push(line.to_owned());
        }
        Ok(())
    }

    pub(crate) fn commands(&mut self, commands: Vec<CommandToTry>) -> Result<(), Failure> {
        self.text("\nTo try, in another terminal:")?;
        for command in &commands {
            self.text(format_args!("\n# {}\n{}", command.what, command.command))?;
        }
        self.printed.to_try = commands;
        Ok(())
    }

    pub(crate) fn end(self) -> Result<(), Failure> {
        if self.output.is_json() { self.output.json_result(&self.printed) } else { Ok(()) }
    }

    fn text(&mut self, text: impl Display) -> Result<(), Failure> {
        if self.output.is_json() { Ok(()) } else { self.output.text(text) }
    }
}
