import { expect, test } from 'vitest';
import { post } from '../api/fixtures/fixtures.ts';
import { codeOf, codeTo, deposit, KEY } from '../api/fixtures/rejected.ts';

const json = JSON.stringify(deposit).slice(0, -1);

test.each([
  '"metadata":{"__proto__":"x"}',
  String.raw`"metadata":{"\u005f_proto_\u005F":"x"}`,
  String.raw`"metadata":{"__pr\u006fto__":"x"}`,
  '"metadata":{"a":"b","__proto__":{"c":"d"}}',
  '"__proto__":{"amount":"9"}',
])('a field __proto__ is refused, not left out: %s', async (member) => {
  expect(await codeOf('/v1/deposits', post(`${json},${member}}`, KEY))).toBe('invalid_request');
});

test('so it is in a line of a bulk', async () => {
  const line =
    '{"source":"alice","destination":"bob","amount":"1","currency":"EUR","metadata":{"__proto__":"x"}}';
  const headers = { ...KEY, 'content-type': 'application/x-ndjson' };
  expect(await codeTo('/v1/bulk-transfers', post(line, headers))).toBe('invalid_request');
  expect(await codeTo('/v1/bulk-transfers', post(`{"transfers":[${line}]}`, KEY))).toBe('invalid_request');
});
