import { expect, test } from 'vitest';
import { readConfig } from '../config.ts';

test('without an environment everything is on this machine, at the ports of the README', () => {
  expect(readConfig({})).toMatchObject({
    port: 8080,
    natsUrl: 'nats://tallybook:tallybook@127.0.0.1:4222',
    temporalAddress: '127.0.0.1:7233',
    databaseUrl: 'postgres://postgres:postgres@127.0.0.1:5499/postgres',
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

test('an empty variable counts as absent', () => {
  expect(readConfig({ PORT: '', NATS_URL: '' })).toMatchObject({ port: 8080, outside: { nats: false } });
});

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
