/** Names are the field's terms: `docs/glossary.md` has them, and what is listed here is called otherwise there. */
import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SKIPPED = ['node_modules', 'dist', '.data', '.cache', '.git', 'peers', 'histories'];

/** Words that no name has, and the terms that say what is meant. */
const INSTEAD: Readonly<Record<string, string>> = {
  ...called('result, response or decision', 'answer answers answered answering'),
  ...called('rejection if it is recorded, error if not', 'refuse refused refusal refusals'),
  ...called('the event, the report or the state that it is', 'told heard hear said say says sayer meaning'),
  ...called('request, command or query', 'asked errand errands'),
  ...called('lifecycle or transition', 'course courses'),
  ...called('catch-up group', 'lane lanes'),
  ...called('projection status', 'standing standings'),
  ...called('location, position, offset or reference', 'spot spots'),
  ...called('batch, or all', 'together pack packs'),
  ...called('repeat or duplicate', 'twin twins'),
  ...called('the retry policy', 'steadfast unhurried prompt patient persevere'),
  ...called('what it is', 'given there worst depose strange stranger whatever'),
};

function called(instead: string, words: string): Record<string, string> {
  return Object.fromEntries(words.split(' ').map((word) => [word, instead]));
}

const SOURCES = globSync('**/*.ts', { cwd: ROOT, exclude: (path) => SKIPPED.includes(basename(path)) });

/** What is exported, what types are called and what their fields are called. */
const DECLARED = [
  /^export (?:declare )?(?:async )?(?:function\*?|const|let|class|type|interface) (\w+)/gm,
  /^(?:type|interface|class) (\w+)/gm,
  /\breadonly (#?\w+)\??:/g,
];

/** `railReported` is `rail` and `reported`, `ANSWER_MS` is `answer` and `ms`. */
function wordsOf(name: string): string[] {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.toLowerCase());
}

function complaintsAbout(name: string): string[] {
  return wordsOf(name).flatMap((word) => {
    const instead = Object.hasOwn(INSTEAD, word) ? INSTEAD[word] : undefined;
    return instead === undefined ? [] : [`"${word}" in ${name}: ${instead}`];
  });
}

test('a name is looked at word by word', () => {
  expect(complaintsAbout('answerOf')).toHaveLength(1);
  expect(complaintsAbout('ANSWER_TIMEOUT_MS')).toHaveLength(1);
  expect(complaintsAbout('#told')).toHaveLength(1);
  expect(complaintsAbout('discourse')).toEqual([]);
  expect(complaintsAbout('packageLock')).toEqual([]);
});

test('exported names, types and their fields are called by the terms of the glossary', () => {
  expect(SOURCES.length).toBeGreaterThan(500);
  const complaints = SOURCES.flatMap((file) => {
    const text = readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');
    const names = DECLARED.flatMap((pattern) => [...text.matchAll(pattern)].map(([, name = '']) => name));
    const about = [basename(file, '.ts'), ...names].flatMap(complaintsAbout);
    return [...new Set(about)].map((complaint) => `${file}: ${complaint}`);
  });
  expect(complaints).toEqual([]);
});
