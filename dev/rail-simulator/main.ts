/** The simulated payment rail as a process of its own: `npm run rail`. */
import { join, resolve } from 'node:path';
import { readConfig } from '../../runtime/config.ts';
import { main, runUntilSignalled } from '../../runtime/lifecycle.ts';
import { BEHAVIOURS } from './behaviours.ts';
import { startSimulator } from './server.ts';

/** The name that the simulator has among the rails, if nothing else is configured. */
const NAME = 'simulator';

await main(async () => {
  const { dataDir, port: apiPort, rails } = readConfig();
  const url = `http://127.0.0.1:${apiPort}/v1/rails/${NAME}/callbacks`;
  const simulator = await startSimulator({
    port: rails.port,
    file: resolve(join(dataDir, 'rail', 'payments.ndjson')),
    url,
    secret: rails.secret,
    log: (line) => console.log(`${new Date().toISOString()} ${line}`),
  });
  const width = Math.max(...Object.keys(BEHAVIOURS).map(({ length }) => length));
  const lines = Object.entries(BEHAVIOURS).map(([name, what]) => `  ${name.padEnd(width)}  ${what}`);
  console.log(`The simulated rail listens on http://127.0.0.1:${rails.port} and calls ${url}.`);
  console.log(`What it does with a payment, metadata.rail or reference says:\n\n${lines.join('\n')}\n`);
  const withdrawal = `{"account":"alice","amount":"500","currency":"EUR","rail":"${NAME}","reference":"settle"}`;
  const headers = `-H 'content-type: application/json' -H 'idempotency-key: payout-1'`;
  console.log(`  curl -s http://127.0.0.1:${apiPort}/v1/withdrawals ${headers} -d '${withdrawal}'\n`);
  runUntilSignalled([{ name: 'rail', close: simulator.close }]);
});
