import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startThrowaway, type Throwaway } from '../../dev/throwaway.ts';

const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

/** Each command of the tour with the output that the README shows below it. */
const TOUR = [...README.matchAll(/^```sh tour\n([\s\S]*?)^```\n\n```(?:json|text)\n([\s\S]*?)^```/gm)].map(
  ([, command = '', output = '']) => ({ command, output }),
);

/** What differs from run to run: times, and what is computed from them. */
function steady(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '<time>')
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}/g, '<uuid>')
    .replaceAll(/"(hash|prevhash)": ?"[0-9a-f]{64}"/g, '"$1": "<hash>"')
    .replaceAll('\r', '')
    .trim();
}

/** The same JSON however it is laid out; text as it is. */
function comparable(text: string): unknown {
  try {
    return JSON.parse(steady(text)) as unknown;
  } catch {
    return steady(text);
  }
}

let tallybook: Throwaway;
beforeAll(async () => {
  tallybook = await startThrowaway();
});
afterAll(() => tallybook.remove());

describe('the tour of the README, on a new ledger', () => {
  test('has commands', () => expect(TOUR.length).toBeGreaterThanOrEqual(9));

  test.each(TOUR)('$command', ({ command, output }) => {
    const here = command.replaceAll('localhost:8080', tallybook.url.replace('http://', ''));
    const printed = execFileSync('bash', ['-o', 'pipefail', '-c', here], { encoding: 'utf8' });
    expect(comparable(printed)).toEqual(comparable(output));
  });
});
