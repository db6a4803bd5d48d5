import { describe, expect, test } from 'vitest';
import { distrust, sign } from '../../rails/signature.ts';

/** The example of the Standard Webhooks libraries, so that theirs and ours understand each other. */
const PUBLISHED = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  body: '{"test": 2432232314}',
  at: new Date(1_614_265_330_000),
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
};
const { secret, id, body, at } = PUBLISHED;
const later = (seconds: number) => new Date(at.getTime() + seconds * 1_000);

/** Why the message is distrusted when the given headers and body came instead of the right ones. */
function verdict(given: { headers?: Record<string, string>; body?: string; key?: string; now?: Date } = {}) {
  const headers: Record<string, string> = { ...sign(secret, { id, body }, at), ...given.headers };
  const message = { body: given.body ?? body, header: (name: string) => headers[name] };
  return distrust(given.key ?? secret, message, given.now ?? at);
}

test('a message is signed as the published example is', () => {
  expect(sign(secret, { id, body }, at)).toEqual({
    'webhook-id': id,
    'webhook-timestamp': '1614265330',
    'webhook-signature': PUBLISHED.signature,
  });
});

describe('what was signed is believed', () => {
  test('with a secret of either kind', () => {
    expect(verdict()).toBeUndefined();
    const plain = 'a secret of our own, in plain text';
    const headers = sign(plain, { id, body }, at);
    expect(verdict({ headers, key: plain })).toBeUndefined();
  });

  test('if one of several signatures is right, while a secret is being changed', () => {
    const old = `v1,${Buffer.alloc(32).toString('base64')}`;
    const signature = `${old} v1a,other ${PUBLISHED.signature}`;
    expect(verdict({ headers: { 'webhook-signature': signature } })).toBeUndefined();
  });

  test('for five minutes, with clocks that are as far apart either way', () => {
    for (const seconds of [-300, 300]) expect(verdict({ now: later(seconds) })).toBeUndefined();
  });
});

describe('nothing else is', () => {
  test.each([
    ['another body', { body: '{"test": 2432232315}' }],
    ['another id', { headers: { 'webhook-id': 'msg_other' } }],
    [
      'another time, so that what is old cannot be sent as new',
      { headers: { 'webhook-timestamp': '1614265331' } },
    ],
    ['another secret', { key: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx' }],
    ['a shorter signature', { headers: { 'webhook-signature': 'v1,g0hM' } }],
    ['no signature', { headers: { 'webhook-signature': '' } }],
    [
      'a signature of another version',
      { headers: { 'webhook-signature': PUBLISHED.signature.replace('v1', 'v2') } },
    ],
    ['a signature without its version', { headers: { 'webhook-signature': PUBLISHED.signature.slice(3) } }],
  ])('%s', (_, given) => {
    expect(verdict(given)).toMatch(/signature does not match/);
  });

  test.each([
    ['no id', { headers: { 'webhook-id': '' } }],
    ['no time', { headers: { 'webhook-timestamp': '' } }],
    ['a time that is none', { headers: { 'webhook-timestamp': 'NaN' } }],
  ])('%s', (_, given) => {
    expect(verdict(given)).toMatch(/are needed/);
  });

  test('what was signed more than five minutes ago, or will be', () => {
    for (const seconds of [-301, 301, 86_400]) {
      expect(verdict({ now: later(seconds) })).toMatch(/too far from the current time/);
    }
  });
});
