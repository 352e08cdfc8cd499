//! The commands for aliases.

use crate::book::alias::{Alias, AliasKey, AliasWord};
use crate::book::change::draft::ChangeDraft;
use crate::book::change::notes::Note;
use crate::book::change::refusal::Refusal;
use crate::book::rule::{PatternScheme, Rule, RuleKey, RulePattern};
use crate::book::stone::SteppingStone;
use crate::book::table::Entry;
use crate::device::{KindPattern, KindWord, KindWords};
use crate::value::shell_word;

impl ChangeDraft<'_> {
    pub(crate) fn put_alias(&mut self, alias: &Alias) -> Result<(), Refusal> {
        if alias.reported.word == alias.stands_for {
            return Err(Refusal::AliasOfItself { alias: Box::new(alias.clone()) });
        }
        let before = self.book.aliases.entry(&alias.reported);
        if before.is_some_and(|(_, before)| before.as_str() == alias.stands_for.as_str()) {
            return Ok(());
        }
        let before = before.map(|(_, before)| before.clone());
        self.check_outside(alias)?;
        self.check_chain(alias)?;
        let rules = self.check_own_rules(alias)?;
        self.delta.aliases.push(Entry::set(alias.reported.clone(), alias.stands_for.clone()));
        self.notes.push(Note::AliasPut { alias: Box::new(alias.clone()), before });
        self.notes.extend(rules);
        self.note_settings_of(alias);
        Ok(())
    }

    /// Adds notes about version schemes and stepping stones that this alias makes useless. Their pattern has the
    /// word that the alias replaces, and it matches no rule. They were not refused when they were set, because the
    /// alias did not exist.
    fn note_settings_of(&mut self, alias: &Alias) {
        let mut book = self.book.clone();
        book.aliases.put(vec![Entry::set(alias.reported.clone(), alias.stands_for.clone())]);
        let (before, after) = (ChangeDraft::on(self.book), ChangeDraft::on(&book));
        let settings = self.book.settings();
        let schemes = settings.schemes.iter().map(|PatternScheme { rules, .. }| {
            let check = |draft: &ChangeDraft<'_>| draft.check_rule_words(rules, "version scheme");
            (check(&before), check(&after))
        });
        let stones = settings.stones.iter().map(|SteppingStone { kind, .. }| {
            let check = |draft: &ChangeDraft<'_>| draft.check_kind_words(kind, "stepping stone");
            (check(&before), check(&after))
        });
        let notes = schemes.chain(stones).filter_map(|(before, after)| match (before, after) {
            (Ok(()), Err(Refusal::PatternOfAlias { pattern, what, meant, .. })) => {
                Some(Note::SettingOfAlias { alias: Box::new(alias.clone()), what, pattern, meant })
            }
            _ => None,
        });
        let notes: Vec<Note> = notes.collect();
        self.notes.extend(notes);
    }

    /// Refuses an alias whose pattern does not match the devices that report its word.
    fn check_outside(&self, alias: &Alias) -> Result<(), Refusal> {
        let AliasKey { field, word, within } = &alias.reported;
        match within.holds_word(field.word(), word.as_str()) {
            true => Ok(()),
            false => Err(Refusal::AliasOutside { alias: Box::new(alias.clone()) }),
        }
    }

    /// Refuses an alias if another alias would have to be applied before or after it, because a word is
    /// replaced only once.
    fn check_chain(&self, alias: &Alias) -> Result<(), Refusal> {
        let follows = |first: &Alias, second: &Alias| first.stands_for == second.reported.word;
        let mut others = self.book.aliases().filter(|other| {
            other.reported != alias.reported
                && other.reported.field == alias.reported.field
                && other.reported.within.may_meet(&alias.reported.within, alias.reported.field.word())
        });
        match others.find(|other| follows(alias, other) || follows(other, alias)) {
            None => Ok(()),
            Some(other) => {
                let (alias, other) = (Box::new(alias.clone()), Box::new(other));
                Err(Refusal::AliasChain { alias, other })
            }
        }
    }

    /// Refuses an alias that would never be used, because the word that it replaces has rules of its own. Such
    /// rules have priority over aliases.
    ///
    /// Otherwise returns notes. If no rule has the word that the alias stands for, there is one note about this. If
    /// there are such rules, there is a note for each rule to which the alias does not lead, because another rule
    /// has the reported word.
    fn check_own_rules(&self, alias: &Alias) -> Result<Vec<Note>, Refusal> {
        let field = alias.reported.field.word();
        let others = alias.reported.within.with_any(field);
        let has =
            |word: &AliasWord, rule: &RuleKey| rule.kind().word(field).eq_ignore_ascii_case(word.as_str());
        let rules = self.book.rules().map(Rule::key).filter(|rule| self.book.covers(&others, rule));
        let (mut meant, mut own): (Vec<&RuleKey>, Vec<&RuleKey>) = (Vec::new(), Vec::new());
        for rule in rules {
            if has(&alias.stands_for, rule) {
                meant.push(rule);
            } else if has(&alias.reported.word, rule) {
                own.push(rule);
            }
        }
        let before_it = |rule: &&RuleKey| self.book.rule_with(rule, &alias.reported).is_some();
        let is_used = meant.iter().any(|rule| !before_it(rule));
        match own.first() {
            Some(rule) if !is_used => {
                let (alias, rule) = (Box::new(alias.clone()), (*rule).clone());
                Err(Refusal::AliasOfRule { alias, rule })
            }
            _ if meant.is_empty() => Ok(vec![Note::AliasWithoutRule { alias: Box::new(alias.clone()) }]),
            _ => Ok(meant
                .into_iter()
                .filter(before_it)
                .map(|rule| Note::AliasNotUsed { alias: Box::new(alias.clone()), rule: rule.clone() })
                .collect()),
        }
    }

    /// Refuses a pattern that matches rules only by words that aliases replace. `what` is the setting with this
    /// pattern, such as `version scheme`.
    pub(super) fn check_rule_words(&self, pattern: &RulePattern, what: &'static str) -> Result<(), Refusal> {
        let rules = || self.book.rules().map(Rule::key);
        if rules().any(|rule| pattern.holds(rule)) {
            return Ok(());
        }
        let Some(rule) = rules().find(|rule| self.book.covers(pattern, rule)) else { return Ok(()) };
        let (meant, words) = pattern.with_words_of(rule);
        Err(Refusal::PatternOfAlias {
            pattern: pattern.to_string().into(),
            word: words.join(" and ").into(),
            what,
            meant: meant.to_string().into(),
        })
    }

    /// Refuses a pattern of device kinds that matches rules only by words that aliases replace. `what` is the setting
    /// with this pattern, such as `stepping stone`.
    pub(super) fn check_kind_words(&self, pattern: &KindPattern, what: &'static str) -> Result<(), Refusal> {
        let has_rule =
            |pattern: &KindPattern| self.book.rules().any(|rule| pattern.matches(rule.key().kind()));
        if self.book.aliases.is_empty() || has_rule(pattern) {
            return Ok(());
        }
        let texts = pattern.texts();
        let mut texts = KindWords::from_fn(|word| {
            texts[word].iter().copied().map(str::to_owned).collect::<Vec<String>>()
        });
        let mut words = Vec::new();
        for word in KindWord::ALL {
            for text in &mut texts[word] {
                let stands_for_it = |alias: &Alias| {
                    alias.reported.field.word() == word
                        && alias.reported.word.as_str().eq_ignore_ascii_case(text)
                };
                if let Some(alias) = self.book.aliases().find(stands_for_it) {
                    words.push(std::mem::replace(text, alias.stands_for.as_str().to_owned()));
                }
            }
        }
        let Ok(meant) = KindPattern::from_texts(&texts) else { return Ok(()) };
        if !has_rule(&meant) {
            return Ok(());
        }
        let options = KindWord::ALL.into_iter().zip(meant.texts().into_array()).flat_map(|(word, texts)| {
            let option = word.field().replace('_', "-");
            texts.into_iter().map(move |text| format!("--{option} {}", shell_word(text)))
        });
        Err(Refusal::PatternOfAlias {
            pattern: pattern.to_string().into(),
            word: words.join(" and ").into(),
            what,
            meant: options.collect::<Vec<_>>().join(" ").into(),
        })
    }

    /// Adds notes about the aliases that devices no longer use, because a new rule is for the word that
    /// these devices report.
    pub(in crate::book::change) fn note_unused_aliases(&mut self, rule: &RuleKey) {
        let unused = self.book.aliases().filter(|alias| {
            let AliasKey { field, word, within } = &alias.reported;
            rule.kind().word(field.word()).eq_ignore_ascii_case(word.as_str())
                && within.holds_device(rule.kind().words())
        });
        let notes: Vec<Note> =
            unused.map(|alias| Note::AliasNotUsed { alias: Box::new(alias), rule: rule.clone() }).collect();
        self.notes.extend(notes);
    }

    pub(crate) fn remove_alias(&mut self, key: &AliasKey) -> Result<(), Refusal> {
        let known = self.book.aliases.entry(key);
        let (key, from) = known.ok_or_else(|| Refusal::NoAlias { alias: Box::new(key.clone()) })?;
        self.delta.aliases.push(Entry::removed(key.clone()));
        self.notes.push(Note::AliasRemoved { alias: Box::new(key.clone()), from: from.clone() });
        Ok(())
    }
}
