/** What `npm start` prints when everything runs. */
import { readerUrl } from '../postgres/urls.ts';
import type { Config } from '../runtime/config.ts';

/** The address at which this machine reaches the HTTP API. */
export function httpUrl({ host, port }: Config): string {
  // What listens on every address has none of its own.
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

/** Every address, where the data is, and two commands to begin with. */
export function addresses(config: Config, dataDir: string): string {
  const { outside } = config;
  const api = httpUrl(config);
  const rows = [
    ['HTTP API', api],
    ['to try it', `${api}/docs`],
    ...(outside.temporal ? [] : [['Temporal UI', `http://127.0.0.1:${config.temporalUiPort}`]]),
    ['Temporal', config.temporalAddress],
    [
      'NATS',
      `${withoutLogin(config.natsUrl)}${outside.nats ? '' : " (no login: reads, e.g. nats sub 'ledger.>')"}`,
    ],
    ['read model', withoutLogin(config.databaseUrl)],
    ['data, logs', dataDir],
  ];
  const post = `curl -s ${api}/v1`;
  const json = `-H 'content-type: application/json'`;
  return [
    ...rows.map(([what, where]) => `  ${what?.padEnd(12)} ${where}`),
    '',
    'An account, and some money on it:',
    '',
    `  ${post}/accounts ${json} -H 'idempotency-key: first-account' -d '{"id":"alice","owner":"Alice","currency":"EUR"}'`,
    `  ${post}/deposits ${json} -H 'idempotency-key: first-deposit' -d '{"account":"alice","amount":"1000","currency":"EUR"}'`,
    '',
    ...(outside.database
      ? []
      : [
          'The books in SQL, to read (`select * from balances`, or from journal, trial_balance, statement):',
          '',
          `  psql '${readerUrl(dataDir, config.readModelPort)}'`,
          '',
        ]),
    'Ctrl-C stops everything; the data stays.',
  ].join('\n');
}

/** A password of an outside server is nothing to print. Of a cluster there are several URLs. */
function withoutLogin(urls: string): string {
  return urls
    .split(',')
    .map((url) => {
      const parsed = new URL(url);
      parsed.username = '';
      parsed.password = '';
      return parsed.href;
    })
    .join(',');
}
