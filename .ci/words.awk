# Prints each doc comment and message that opens or speaks in a way of the list below, as FILE:LINE: TEXT (REASON).
# Only the first line of a doc comment is its opening; phrases are looked for in all of its lines, and in pages (*.md).

function ban(list, pattern, reason) { n[list]++; pattern_of[list, n[list]] = pattern; reason_of[list, n[list]] = reason }

function judge(list, text, i, plain) {
  plain = list == "phrase" ? tolower(text) : text
  for (i = 1; i <= n[list]; i++)
    if (match(plain, pattern_of[list, i])) {
      printf "%s:%d: %s (%s)\n", FILENAME, FNR, text, reason_of[list, i]
      return 1
    }
  return 0
}

BEGIN {
  noun = "begin with a noun or a verb: \"The snapshot that ...\", \"Returns ...\""
  ban("opening", "^(Who|Whom|Whose|Whoever|Whatever|Nobody|Anybody|Somebody) [^?]*$", noun)
  # "What was expected" is a noun that everybody knows; "What is answered from now." has to be read twice.
  ban("opening", "^What (([^wi?]|w[^a]|i[^s])|(is|was) ([^efw]|e[^x]|f[^o]|w[^r]))[^?]*$", noun)
  ban("opening", "^(By|Of|To|For|From|In|On|With|At) (whom|which|what|whose) ", noun)
  ban("opening", "^(So|As) (many|much|long|large|far|often) ", "begin with the noun and its unit: \"The number of ...\", \"Seconds until ...\"")
  ban("opening", "^(How it is|How they are|How often it|Where it lies|When it was)", noun)
  ban("opening", "^(It|They|Those|Such|The same)( |,|\\.)", "the noun is missing: say which thing")
  ban("opening", "^How (bad|certain|deep) ", "begin with a noun: \"The certainty of ...\", \"The largest depth of ...\"")
  ban("phrase", "(^|[^a-z])pass(es|ed) over([^a-z]|$)", "say \"is skipped\" or \"is ignored\"")
  ban("phrase", "(^|[^a-z])(by|of|to|for|from|with) whom([^a-z]|$)", "name the person or thing, and use an active verb")
  ban("phrase", "[^e] is none([.,;:]|$)", "say \"there is no ...\" or \"does not exist\"")
  ban("phrase", "(^|[^a-z])for ever([^a-z]|$)", "say the bound: \"until ...\"")
  ban("phrase", "(^|[^a-z])so many([^a-z]|$)", "say the number, and of what")
  ban("phrase", "(^|[^a-z])whoever([^a-z]|$)", "say \"a device that ...\" or \"a caller that ...\"")
  ban("phrase", "(^|[^a-z])(is|are|was|were|be|been) told([.,;:]|$| (to|of|by|that|so|it|from|as|a|the|what|who|where|when)( |$))", "say \"reports\", \"receives\" or \"is configured\"")
  ban("phrase", "(^|[^a-z])looks on([^a-z]|$)", "say \"observes\"")
  ban("phrase", "(^|[^a-z])speaks? for([^a-z]|$)", "say \"matches\" or \"covers\"")
  ban("phrase", "(^|[^a-z])of before([^a-z]|$)", "say \"the previous ...\", or name the release or the time")
  ban("phrase", "(^|[^a-z])begins? alike([^a-z]|$)", "say what is the same: \"begin with the same 12 digits\"")
  ban("phrase", "(^|[^a-z])(is|are) (kept|used|there) no more([^a-z]|$)", "say \"was removed\" or \"no longer ...\"")
  ban("phrase", "(^|[^a-z])(of|for) everybody([^a-z]|$)", "say \"all devices of this rule\", or which persons")
  ban("phrase", "(^|[^a-z])in vain([^a-z]|$)", "say what happens: \"until the timeout\", \"without an answer\"")
  ban("phrase", "(^|[^a-z_-])meanwhile([^a-z_-]|$)", "say during what: \"since it was read\", \"while ... runs\"")
  # Names that were replaced: Said and as_said by Reported and raw, told_* by note_*, Witness by Observer, Unseen by Silent.
  ban("name", "(^|[^A-Za-z_])(Said|Seen|Unseen|Witness)(<|::|,|;|\\{| \\{)", "an old name: see ARCHITECTURE.md for the words")
  ban("name", "(^|[^A-Za-z_])(as_said|told_[a-z]+|has_it)(\\(|:)", "an old name: see ARCHITECTURE.md for the words")
}

FNR == 1 { in_doc = 0; in_code = 0 }

{
  line = $0
  sub(/^[ \t]+/, "", line)
}

FILENAME ~ /\.md$/ {
  if (line ~ /^```/) in_code = !in_code
  else if (!in_code) judge("phrase", line)
  next
}

line ~ /^\/\/[\/!]($|[^\/])/ {
  text = substr(line, 4)
  sub(/^ /, "", text)
  if (text ~ /^```/) in_code = !in_code
  else if (!in_code) {
    if (in_doc || !judge("opening", text)) judge("phrase", text)
  }
  in_doc = 1
  next
}

{ in_doc = 0; in_code = 0 }

line ~ /^\/\// { next }

# A message may stand in any text of the sources.
line ~ /"/ && FILENAME ~ /\/src\// { if (judge("phrase", line)) next }

{ judge("name", line) }
