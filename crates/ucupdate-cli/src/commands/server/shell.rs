//! `ucupdate completions` and `ucupdate man`: write the completion script of a shell, and the
//! manual pages.

use crate::context::Context;
use crate::failure::Failure;
use clap_complete::env::Shells;
use serde_json::json;
use std::path::PathBuf;

/// The environment variable by which the script of a shell requests completions.
pub(crate) const COMPLETE: &str = "COMPLETE";

#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell in which you type
    shell: Shell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
}

/// The lines of the script for bash that read the words of the typed line. They are replaced by
/// [`JOINED_BASH_WORDS`].
const BASH_WORDS: &str = r#"    local words=("${COMP_WORDS[@]}")
    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
        words[COMP_CWORD]="$2"
    fi
"#;

/// Lines for bash that read the words as they were typed. bash itself also divides words at `:` and
/// `=`, as in `--store file:phones`.
const JOINED_BASH_WORDS: &str = r#"    local words=() at=0 blanks= last=-1 line="${COMP_LINE:0:COMP_POINT}"
    for ((at = 0; at <= COMP_CWORD; at++)); do
        blanks="${line%%[![:blank:]]*}"
        line="${line#"$blanks"}"
        local word="${COMP_WORDS[at]}"
        [[ $at -eq $COMP_CWORD ]] && word="$line"
        line="${line#"$word"}"
        if [[ $at -gt 0 && -z "$blanks" ]]; then
            words[last]+="$word"
        else
            words[++last]="$word"
        fi
    done
    _CLAP_COMPLETE_INDEX=$last
    # bash replaces only what stands behind the last place at which it divides.
    local before="${words[last]%"$2"}"
"#;

/// The lines of the script for bash after which the candidates are known. They are replaced by
/// [`JOINED_BASH_END`].
const BASH_END: &str = r#"    if [[ $? != 0 ]]; then
        unset COMPREPLY
"#;

const JOINED_BASH_END: &str = r#"    if [[ $? != 0 ]]; then
        unset COMPREPLY
        return
    fi
    COMPREPLY=("${COMPREPLY[@]#"$before"}")
    if [[ ${#COMPREPLY[@]} -eq 0 ]]; then
        unset COMPREPLY
"#;

#[derive(Debug, clap::Args)]
pub(crate) struct ManArgs {
    /// The folder to write into. It is created if it does not exist
    folder: PathBuf,
}

pub(crate) async fn completions(args: CompletionsArgs, context: &mut Context) -> Result<(), Failure> {
    let name = match args.shell {
        Shell::Bash => "bash",
        Shell::Zsh => "zsh",
        Shell::Fish => "fish",
        Shell::Powershell => "powershell",
    };
    let shells = Shells::builtins();
    let shell =
        shells.completer(name).ok_or_else(|| Failure::new(format_args!("{name} is not a known shell")))?;
    let mut script = Vec::new();
    shell
        .write_registration(COMPLETE, "ucupdate", "ucupdate", "ucupdate", &mut script)
        .map_err(|error| Failure::in_doing("writing the script", &error))?;
    if args.shell == Shell::Bash {
        let text = String::from_utf8_lossy(&script).replace(BASH_WORDS, JOINED_BASH_WORDS);
        script = text.replace(BASH_END, JOINED_BASH_END).into_bytes();
    }
    if args.shell == Shell::Zsh {
        // The candidates already fit, and a rule may be found by one of its words. Without `-U`,
        // zsh keeps only the candidates that begin with the typed text.
        let text = String::from_utf8_lossy(&script)
            .replace("_describe -V 'values' other", "_describe -V 'values' other -U");
        script = text.into_bytes();
    }
    context.output.exactly(&script)
}

/// Writes a manual page for each verb into a folder. `command` is the definition of the command
/// line.
pub(crate) async fn man(args: ManArgs, command: clap::Command, context: &mut Context) -> Result<(), Failure> {
    let folder = args.folder;
    let failed = |error: std::io::Error| Failure::in_doing(folder.display(), &error);
    std::fs::create_dir_all(&folder).map_err(failed)?;
    clap_mangen::generate_to(command, &folder).map_err(failed)?;
    let entries = std::fs::read_dir(&folder).map_err(failed)?.filter_map(Result::ok);
    let pages = entries.filter(|entry| entry.path().extension().is_some_and(|ending| ending == "1")).count();
    let json = json!({ "folder": folder.display().to_string(), "pages": pages });
    context.output.both(
        &json,
        format_args!("{pages} pages in {0}; `man {0}/ucupdate.1` shows the first", folder.display()),
    )
}
