import { describe, expect, test } from 'vitest';
import { readStatus, readSubmitted } from '../../rails/replies.ts';

const reply = (status: number, body: unknown) => ({
  status,
  text: typeof body === 'string' ? body : JSON.stringify(body),
});

describe('an answer counts if it says so in so many words', () => {
  test.each([
    [200, { id: 'tr_1', state: 'settled' }, { state: 'settled' }],
    [202, { id: 'tr_1', state: 'accepted', eta: 'tomorrow' }, { state: 'accepted' }],
    [200, { id: 'tr_1', state: 'unknown', reason: 'a fire' }, { state: 'unknown', reason: 'a fire' }],
    [200, { id: 'tr_1', state: 'declined', reason: '' }, { state: 'declined' }],
    [
      422,
      { id: 'tr_1', state: 'declined', reason: 'no such bank' },
      { state: 'declined', reason: 'no such bank' },
    ],
  ])('%i %o', (status, body, heard) => {
    expect(readSubmitted('tr_1', reply(status, body))).toEqual(heard);
    expect(readStatus('tr_1', reply(status, body))).toEqual(heard);
  });

  test('what a rail writes for people is kept short, and without control characters', () => {
    const body = { id: 'tr_1', state: 'declined', reason: `no\n\u0000${'x'.repeat(500)}` };
    expect(readStatus('tr_1', reply(200, body))).toEqual({
      state: 'declined',
      reason: expect.stringMatching(/^no x{297}$/),
    });
  });
});

describe('everything else is uncertain: the money is neither let go nor taken', () => {
  test.each([
    ['an error of the rail, whatever it says', 500, { id: 'tr_1', state: 'declined' }],
    ['an error of the rail, though it claims to have paid', 503, { id: 'tr_1', state: 'settled' }],
    ['a refusal that does not say that it declines', 400, { error: 'bad request' }],
    ['a refusal to read our key', 409, { error: 'key in use' }],
    ['a refusal to speak to us', 401, ''],
    ['a refusal that says that it has paid', 409, { id: 'tr_1', state: 'settled' }],
    ['too many requests', 429, 'slow down'],
    ['the answer for another payment', 200, { id: 'tr_2', state: 'settled' }],
    ['an answer without the payment', 200, { state: 'settled' }],
    ['a state that nobody knows', 200, { id: 'tr_1', state: 'paid' }],
    ['success without a state', 200, { id: 'tr_1' }],
    ['success without a body', 204, ''],
    ['what is no JSON', 200, '<html>settled</html>'],
    ['half of an answer', 200, '{"id":"tr_1","state":"sett'],
  ])('%s', (_, status, body) => {
    expect(readSubmitted('tr_1', reply(status, body))).toEqual({
      state: 'uncertain',
      why: expect.stringContaining(`it answered ${status}`),
    });
  });

  test('only who asks is told that there is no such payment', () => {
    const nothing = reply(404, { error: 'there is no such payment' });
    expect(readStatus('tr_1', nothing)).toEqual({ state: 'missing' });
    expect(readSubmitted('tr_1', nothing)).toMatchObject({ state: 'uncertain' });
  });
});
