//! The sentences of a Markdown text: its paragraphs and list items, without code, tables and headings.
//!
//! It knows only the Markdown of these docs, and no grammar: a sentence ends with `.`, `?`, `!` or `:`.

/// No sentence of the docs has more words.
pub(crate) const WORDS_MAX: usize = 25;

/// The sentences with more words than that, each with the line on which its paragraph begins.
pub(crate) fn long_sentences(text: &str) -> Vec<(usize, String)> {
    let sentences = paragraphs(text).into_iter().flat_map(|(line, paragraph)| {
        let plain = without_links(&without_code(&paragraph));
        sentences(&plain).into_iter().map(move |sentence| (line, sentence))
    });
    sentences.filter(|(_, sentence)| words(sentence) > WORDS_MAX).collect()
}

/// A link is to be read by its words, and code is one word, whatever is in it.
fn words(sentence: &str) -> usize {
    sentence.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).count()
}

fn paragraphs(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let (mut is_open, mut is_code) = (false, false);
    for (number, line) in text.lines().enumerate().map(|(index, line)| (index + 1, line.trim())) {
        let is_fence = line.starts_with("```");
        is_code ^= is_fence;
        if is_code || is_fence || line.is_empty() || line.starts_with(['|', '#', '<']) {
            is_open = false;
            continue;
        }
        let item = item_of(line);
        match found.last_mut().filter(|_| is_open && item.is_none()) {
            Some((_, paragraph)) => *paragraph += &format!(" {line}"),
            None => found.push((number, item.unwrap_or(line).to_owned())),
        }
        is_open = true;
    }
    found
}

/// What a list item says: `- this` or `1. this`.
fn item_of(line: &str) -> Option<&str> {
    let (mark, rest) = line.split_once(' ')?;
    let is_number = mark.strip_suffix('.').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|one| one.is_ascii_digit()));
    (mark == "-" || is_number).then_some(rest)
}

fn without_code(paragraph: &str) -> String {
    paragraph.split('`').enumerate().map(|(index, part)| if index % 2 == 0 { part } else { "code" }).collect()
}

/// `[text](where)` → `[text`
fn without_links(text: &str) -> String {
    let mut parts = text.split("](");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once(')').map_or(part, |(_, rest)| rest))
}

fn sentences(text: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    for word in text.split_whitespace() {
        let last = found.last_mut().expect("there is one");
        *last += &format!("{word} ");
        if word.trim_end_matches([')', '"', '*']).ends_with(['.', '?', '!', ':']) {
            found.push(String::new());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_too_many_is_found_wherever_it_stands() {
        let sentence = |words: usize| format!("{}end.", "word ".repeat(words - 1));
        let (fits, long) = (sentence(WORDS_MAX), sentence(WORDS_MAX + 1));
        assert!(long_sentences(&format!("{fits} {fits}\n- {fits}\n")).is_empty());
        for text in [long.clone(), format!("**Short.** {long}"), format!("1. {long}"), long.replacen("word ", "`a b`\n", 9)] {
            assert_eq!(long_sentences(&format!("# Title\n\n{text} {fits}\n")).len(), 1, "{text}");
        }
        for text in
            [format!("| {long} |"), format!("```\n{long}\n```"), format!("# {long}"), long.replacen("word word", "[word](a b c d)", 2)]
        {
            assert!(long_sentences(&text).is_empty(), "{text}");
        }
    }
}
