//! From command line, environment and file to one set of arguments.
//!
//! The flags are defined once, in `arguments.rs`. Here each gets the environment variable that its
//! name makes, and what the configuration file says becomes its default. So the order in which they
//! count is the parser's own.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};
use toml::Value;

use crate::arguments::{Arguments, Durability};
use crate::failure::Failure;

/// The subcommand that has a configuration file.
const CONFIGURED: &str = "serve";

/// Why there are no arguments.
pub enum NoArguments {
    /// The command line or the environment is wrong, or only asked for help.
    Usage(clap::Error),
    /// The configuration file is wrong.
    File(Failure),
}

/// Reads the arguments of the program from all three places.
pub fn parse(command_line: &[OsString]) -> Result<Arguments, NoArguments> {
    let mut command = Arguments::command();
    if let Some(path) = config_path(&command, command_line) {
        command = with_file(command, &path).map_err(NoArguments::File)?;
    }
    let mut command = with_environment(command);
    command
        .try_get_matches_from_mut(command_line)
        .and_then(|matches| match contradiction(&matches) {
            Some(message) => Err(command.error(ErrorKind::ArgumentConflict, message)),
            None => Arguments::from_arg_matches(&matches),
        })
        .map_err(NoArguments::Usage)
}

/// What the command line says against itself. A flag may contradict what the environment or the
/// file says: then it counts.
fn contradiction(matches: &ArgMatches) -> Option<&'static str> {
    let serve = matches.subcommand_matches(CONFIGURED)?;
    let is_flag = |id: &str| serve.value_source(id) == Some(ValueSource::CommandLine);
    let in_memory = serve.get_one::<bool>("in_memory") == Some(&true);
    let durability = serve.get_one::<Durability>("durability");
    let contradicts =
        is_flag("in_memory") && is_flag("durability") && in_memory && durability != Some(&Durability::Memory);
    contradicts
        .then_some("--in-memory stores nothing on disk, and --durability wants it there: give one of them")
}

/// Gives each option of each subcommand its variable: `--data-dir` is `STATOR_DATA_DIR`.
fn with_environment(command: Command) -> Command {
    command.mut_subcommands(|subcommand| {
        subcommand.mut_args(|arg| {
            let long = arg.get_long().filter(|long| !matches!(*long, "help" | "version"));
            match long.map(|long| format!("STATOR_{}", long.to_uppercase().replace('-', "_"))) {
                Some(variable) => arg.env(variable).hide_env_values(true),
                None => arg,
            }
        })
    })
}

/// The file that command line or environment name; whatever else is wrong with them is told later.
fn config_path(command: &Command, command_line: &[OsString]) -> Option<PathBuf> {
    let tolerant = with_environment(command.clone()).ignore_errors(true);
    let matches = tolerant.try_get_matches_from(command_line).ok()?;
    let serve = matches.subcommand_matches(CONFIGURED)?;
    serve.get_one::<PathBuf>("config").cloned()
}

/// Makes what the file says the defaults.
fn with_file(command: Command, path: &Path) -> Result<Command, Failure> {
    let wrong = |what: String| Failure::new(format!("the configuration file {} {what}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let table: toml::Table = toml::from_str(&text).map_err(|error| {
        let line = error
            .span()
            .map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count())
            + 1;
        wrong(format!(
            "is not TOML in line {line}: {}",
            error.message().replace('\n', " ")
        ))
    })?;
    table.into_iter().try_fold(command, |command, (key, value)| {
        let values = texts(&value)
            .ok_or_else(|| wrong(format!("has a table or date at `{key}`, where a value is wanted")))?;
        check(&command, &key, &values).map_err(wrong)?;
        Ok(command.mut_subcommand(CONFIGURED, |serve| {
            serve.mut_args(|arg| match arg.get_long() == Some(&key) {
                true => arg.default_values(values.clone()),
                false => arg,
            })
        }))
    })
}

/// The value as it would stand on a command line; several for a list.
fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Integer(number) => Some(vec![number.to_string()]),
        Value::Float(number) => Some(vec![number.to_string()]),
        Value::Boolean(truth) => Some(vec![truth.to_string()]),
        Value::Array(values) => {
            let texts: Option<Vec<_>> = values.iter().map(texts).collect();
            texts.map(|texts| texts.concat())
        }
        Value::Datetime(_) | Value::Table(_) => None,
    }
}

/// Lets the parser judge a key and its values as if they stood on the command line.
fn check(command: &Command, key: &str, values: &[String]) -> Result<(), String> {
    let is_flag = key
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if !is_flag || matches!(key, "" | "config" | "help" | "version") {
        return Err(format!("has the key `{key}`, which is no setting"));
    }
    let flags = values.iter().map(|value| format!("--{key}={value}"));
    // An empty list still shows whether there is such a key.
    let flags: Vec<String> = match values.is_empty() {
        true => vec![format!("--{key}=")],
        false => flags.collect(),
    };
    let command_line = ["stator".to_owned(), CONFIGURED.to_owned()]
        .into_iter()
        .chain(flags);
    let Err(error) = command.clone().try_get_matches_from(command_line) else {
        return Ok(());
    };
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let nearest = match error.get(ContextKind::SuggestedArg) {
                Some(ContextValue::String(flag)) => {
                    format!("; did you mean `{}`?", flag.trim_start_matches('-'))
                }
                _ => "; `stator serve --help` lists the settings".to_owned(),
            };
            Err(format!("has the unknown key `{key}`{nearest}"))
        }
        _ if values.is_empty() => Ok(()),
        _ => {
            let told = error.to_string();
            let first = told
                .lines()
                .next()
                .unwrap_or_default()
                .trim_start_matches("error: ")
                .to_owned();
            Err(format!("has a wrong value: {first}"))
        }
    }
}

#[cfg(test)]
mod tests;
