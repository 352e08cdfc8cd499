//! Tests several commands that use one store at the same time.

use crate::place::{Place, Ran, package};
use std::process::Stdio;

const AT_ONCE: usize = 4;

#[test]
fn commands_at_once_lose_nothing() {
    let place = Place::new();
    let rule = |number: usize| format!("UCPhone/Polycom/CX70{number}/A/ENU/CPE");
    for number in 0..AT_ONCE {
        place.file(&format!("{number}.cab"), &package(&rule(number), "3.5.6907.9", &[b'a'; 2000]));
    }
    let at_once = |args: &dyn Fn(usize) -> Vec<String>| {
        let started = (0..AT_ONCE).map(|number| {
            let args = args(number);
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            let mut command = place.command(&args);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        });
        let started: Vec<_> = started.collect();
        for child in started {
            Ran::of(child.wait_with_output().unwrap()).done();
        }
    };
    at_once(&|number| vec!["ingest".into(), format!("{number}.cab")]);
    at_once(&|number| vec!["approve".into(), rule(number)]);

    let rules = place.run(&["rules", "--json"]).json();
    let approved = rules["rules"].as_array().unwrap().iter().map(|rule| rule["approved"]["version"].clone());
    assert_eq!(approved.collect::<Vec<_>>(), ["3.5.6907.9"; AT_ONCE]);
    let history = place.run(&["history", "--json"]).json();
    assert_eq!(history["revisions"].as_array().unwrap().len(), 2 * AT_ONCE);
}

#[test]
fn of_two_that_approve_the_same_one_is_refused() {
    let place = Place::with_package();
    let start = || {
        let mut command = place.command(&["approve", crate::place::CX700]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let (one, two) = (start(), start());
    let ran = [one, two].map(|child| Ran::of(child.wait_with_output().unwrap()));
    let mut codes: Vec<_> = ran.iter().map(|ran| ran.code).collect();
    codes.sort();
    assert_eq!(codes, [Some(0), Some(1)], "{ran:?}");
}

#[test]
fn of_a_policy_that_several_change_at_once_every_part_is_kept() {
    let place = Place::with_package();
    let rule = crate::place::CX700;
    let parts =
        [["--floor", "1.5"], ["--minimum", "1.6"], ["--window", "daily 01:00-02:00"], ["--offer", "newer"]];
    let started = parts.map(|part| {
        let mut command = place.command(&[&["policy", "set", rule], &part[..]].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    });
    for child in started {
        Ran::of(child.wait_with_output().unwrap()).done();
    }
    let policy = place.run(&["policy", "show", rule, "--json"]).json();
    let found = ["floor", "minimum", "window", "offer"].map(|part| policy[part].as_str().unwrap().to_owned());
    assert_eq!(found, ["1.5", "1.6", "daily 01:00-02:00 UTC", "newer"]);
}
