import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ENVIRONMENT_VARIABLES, readConfig } from '../../runtime/config.ts';

test('docs/configuration.md has every variable', () => {
  const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
  expect(ENVIRONMENT_VARIABLES.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

test('without an environment everything is on this machine, at the ports of docs/configuration.md', () => {
  // A data folder that no start has made yet.
  expect(readConfig({ DATA_DIR: '.data/none' })).toMatchObject({
    port: 8080,
    natsUrl: 'nats://tallybook:tallybook@127.0.0.1:4222',
    temporalAddress: '127.0.0.1:7233',
    databaseUrl: 'postgres://postgres@127.0.0.1:5499/postgres',
    ledger: 'main',
    queueMax: 10_000,
    metricsPort: undefined,
    outside: { nats: false, temporal: false, database: false },
  });
});

test('a NATS_URL without a user gets the one that may append; one with a user stays as it is', () => {
  expect(readConfig({ NATS_URL: 'nats://nats.example:4222', NATS_PASSWORD: 'p@ss' })).toMatchObject({
    natsUrl: 'nats://tallybook:p%40ss@nats.example:4222',
    outside: { nats: true },
  });
  const named = 'nats://someone:secret@nats.example:4222';
  expect(readConfig({ NATS_URL: named }).natsUrl).toBe(named);
});

test('a cluster is named by its servers, separated by commas; all get the same user', () => {
  expect(readConfig({ NATS_URL: 'nats://a:4222, nats://b:4223', NATS_PASSWORD: 'p@ss' }).natsUrl).toBe(
    'nats://tallybook:p%40ss@a:4222,nats://tallybook:p%40ss@b:4223',
  );
  const named = 'nats://someone:secret@a:4222,nats://b:4222';
  expect(readConfig({ NATS_URL: named }).natsUrl).toBe(named);
  expect(() => readConfig({ NATS_URL: 'nats://a:4222,b' })).toThrow(/  NATS_URL: "b" is not nats/);
});

test('an empty variable counts as absent', () => {
  expect(readConfig({ PORT: '', NATS_URL: '' })).toMatchObject({ port: 8080, outside: { nats: false } });
});

test('without an environment the one rail is the simulator, which everybody can speak for', () => {
  expect(readConfig({ RAIL_PORT: '8091' }).rails).toMatchObject({
    urls: { simulator: 'http://127.0.0.1:8091' },
    timeoutMs: 10_000,
    pollMs: 5_000,
    patienceMs: 86_400_000,
  });
});

test('rails of one’s own need a secret of one’s own; `none` turns all of them off', () => {
  const RAILS = 'sepa=https://rails.example/sepa, swift=http://swift:80';
  const RAIL_SECRET = 'whsec_0123456789abcdef';
  expect(readConfig({ RAILS, RAIL_SECRET }).rails).toMatchObject({
    urls: { sepa: 'https://rails.example/sepa', swift: 'http://swift:80' },
    secret: RAIL_SECRET,
  });
  expect(() => readConfig({ RAILS })).toThrow(/  RAIL_SECRET: must be given where RAILS is/);
  expect(() => readConfig({ RAILS, RAIL_SECRET: 'whsec_no base64 at all' })).toThrow(
    /  RAIL_SECRET: must be base64 after whsec_/,
  );
  expect(readConfig({ RAILS: 'none' }).rails.urls).toEqual({});
});

test.each(['sepa', 'sepa=', '=https://x', 'a.b=https://x', 'sepa=ftp://x', 'a=https://x,a=https://y'])(
  'RAILS is not %j',
  (RAILS) => {
    expect(() => readConfig({ RAILS, RAIL_SECRET: 'a secret that is long' })).toThrow(/  RAILS: /);
  },
);

test('every variable that is wrong is named, with the reason', () => {
  const wrong = {
    PORT: 'eighty',
    QUEUE_MAX: '0',
    METRICS_PORT: '70000',
    LEDGER: 'a.b',
    TEMPORAL_ADDRESS: 'nowhere',
    DATABASE_URL: 'mysql://x/y',
  };
  for (const name of Object.keys(wrong)) expect(() => readConfig(wrong)).toThrow(new RegExp(`  ${name}: `));
});

test('webhooks may be at private addresses only where that is said', () => {
  expect(readConfig({}).webhooks).toEqual({ allowPrivate: false });
  expect(readConfig({ WEBHOOKS_ALLOW_PRIVATE: 'true' }).webhooks).toEqual({ allowPrivate: true });
  expect(() => readConfig({ WEBHOOKS_ALLOW_PRIVATE: 'yes' })).toThrow(/WEBHOOKS_ALLOW_PRIVATE/);
});
