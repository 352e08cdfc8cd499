//! Adds the environment variables of a verb to its help and its manual page.

use super::PREFIX;
use super::key::{Setting, find_options};
use clap::Command;

/// The largest number of variables that the help of a verb lists one by one.
const MAX_NAMED: usize = 5;

/// Adds a line to the help of each verb that has settings. The line names the environment variables
/// of the verb.
pub(crate) fn with_variables(command: Command) -> Command {
    let options = find_options(&command);
    command.mut_subcommands(|verb| below(&[], verb, &options))
}

fn below(above: &[String], verb: Command, options: &[(Setting, bool)]) -> Command {
    let name = [above, &[verb.get_name().to_owned()]].concat();
    let verb = verb.mut_subcommands(|verb| below(&name, verb, options));
    let Some(line) = line(&name, options) else { return verb };
    let examples = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
    verb.after_help(format!("{examples}\n\n{line}").trim_start().to_owned())
}

/// Returns the line that names the environment variables of a verb. `None` if no option of the verb
/// is a setting.
fn line(verb: &[String], options: &[(Setting, bool)]) -> Option<String> {
    let (settings, others): (Vec<_>, Vec<_>) =
        options.iter().filter(|(option, _)| option.is_of(verb)).partition(|(_, is_setting)| *is_setting);
    let names: Vec<String> = settings.iter().map(|(setting, _)| setting.variable()).collect();
    if names.len() <= MAX_NAMED {
        return (!names.is_empty()).then(|| format!("Variables: {}", names.join(", ")));
    }
    let beginning = format!("{PREFIX}{}_", verb.join("_").to_uppercase().replace('-', "_"));
    let others: Vec<String> = others.iter().map(|(option, _)| option.option()).collect();
    let except = if others.is_empty() { String::new() } else { format!(", except {}", others.join(", ")) };
    Some(format!("Variables: {beginning} and an option in capitals, such as {}{except}", names[0]))
}
