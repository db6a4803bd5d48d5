/**
 * `node dev/run.mjs bench/peers/check.ts`: shows of each peer that it moves money right: 500 transfers at once, a key
 * that comes often, what is too much, a process that is killed, and a bulk that comes twice. Names as arguments choose
 * some.
 */
import { deepStrictEqual, strictEqual } from 'node:assert';
import { randomUUID } from 'node:crypto';
import { startThrowaway } from '../../dev/throwaway.ts';
import { sampleSystem, SYSTEMS, type Running, type System } from './systems.ts';

const ACCOUNTS = 20;
const FUNDS = 1_000;
const TRANSFERS = 500;

type Body = Readonly<{ source: string; destination: string; amount: string; currency: string }>;
type Answer = Readonly<{ status: number; body: Record<string, unknown> }>;
type Count = Readonly<{ transfers: number; sum: string; negative: number }>;

const wanted = process.argv.slice(2);
const sample: System = { ...sampleSystem({}), start: startSample };
const chosen = [...SYSTEMS, sample].filter(({ name }) => wanted.length === 0 || wanted.includes(name));
if (chosen.length === 0) throw new Error(`Nothing is named ${wanted.join(' or ')}.`);
for (const system of chosen) {
  await checkSystem(system);
  console.log(`${system.title}: holds`);
}

async function checkSystem(system: System): Promise<void> {
  const running = await system.start();
  try {
    const { url } = running;
    await ask(`${url}/setup`, { accounts: ACCOUNTS, funds: `${FUNDS}` });
    await atOnce(url);
    await sameKey(url);
    await tooMuch(url);
    await direct(url);
    if (system !== sample) await killed(running);
    await emptied(url);
    if (system.bulk) await bulk(url);
  } finally {
    await running.stop();
  }
}

/** The sample, with a Temporal server of its own. */
async function startSample(): Promise<Running> {
  const tallybook = await startThrowaway();
  try {
    const running = await sampleSystem(tallybook.env).start();
    return { ...running, stop: () => running.stop().then(tallybook.remove) };
  } catch (error) {
    await tallybook.remove();
    throw error;
  }
}

/** Every account is source and destination at the same time, both ways between the same two. */
async function atOnce(url: string): Promise<void> {
  const answers = await Promise.all(
    Array.from({ length: TRANSFERS }, (_, index) => transfer(url, randomUUID(), between(index, '1'))),
  );
  deepStrictEqual(
    answers.filter(({ status }) => status !== 201),
    [],
  );
  deepStrictEqual(await count(url), { transfers: TRANSFERS, sum: `${ACCOUNTS * FUNDS}`, negative: 0 });
}

async function sameKey(url: string): Promise<void> {
  const before = await count(url);
  const key = randomUUID();
  const again = () => transfer(url, key, between(1, '7'));
  const answers = await Promise.all(Array.from({ length: 10 }, again));
  for (const answer of [...answers, await again()]) {
    deepStrictEqual(answer, { status: 201, body: { id: key, status: 'posted' } });
  }
  deepStrictEqual(await count(url), { ...before, transfers: before.transfers + 1 });
}

/** The refusal is kept: the key gets it again when there would be money. */
async function tooMuch(url: string): Promise<void> {
  const before = await count(url);
  const key = randomUUID();
  const body = between(2, `${FUNDS * 2}`);
  for (const answer of [await transfer(url, key, body), await transfer(url, key, body)]) {
    deepStrictEqual(answer, { status: 422, body: { id: key, code: 'insufficient_funds' } });
  }
  deepStrictEqual(await count(url), before);
}

/**
 * The process is killed while transfers are under way, and its clients ask again with the same keys: each transfer
 * happens once. The sample's money is in its memory, so there this cannot hold.
 */
async function killed({ url, killAndStart }: Running): Promise<void> {
  const before = await count(url);
  const keys = Array.from({ length: TRANSFERS / 2 }, () => randomUUID());
  const pay = (key: string, index: number) => transfer(url, key, between(index, '1'));
  const first = keys.map((key, index) => pay(key, index).catch(() => undefined));
  await Promise.race(first);
  await killAndStart();
  const answered = (await Promise.all(first)).filter((answer) => answer !== undefined);
  strictEqual(answered.length < keys.length, true, 'all was done before it was killed');
  const second = await Promise.all(keys.map(pay));
  deepStrictEqual(
    second.filter(({ status }) => status !== 201),
    [],
  );
  deepStrictEqual(await count(url), { ...before, transfers: before.transfers + keys.length });
}

/** Many want the last of an account's money, and only so many get it as it has. */
async function emptied(url: string): Promise<void> {
  const before = await count(url);
  const body: Body = { source: 'bench-3', destination: 'bench-4', amount: '100', currency: 'EUR' };
  const answers = await Promise.all(Array.from({ length: 20 }, () => transfer(url, randomUUID(), body)));
  const posted = answers.filter(({ status }) => status === 201).length;
  const refused = answers.filter(({ status }) => status === 422).length;
  strictEqual(posted + refused, answers.length);
  strictEqual(posted > 0 && posted < 20, true, `${posted} of 20 were posted`);
  deepStrictEqual(await count(url), { ...before, transfers: before.transfers + posted });
}

/** Once as a whole, once with one that is refused among the others, and each again. */
async function bulk(url: string): Promise<void> {
  for (const amounts of [
    ['1', '2', '3'],
    ['1', `${ACCOUNTS * FUNDS}`, '3'],
  ]) {
    const before = await count(url);
    const bodies = amounts.map((amount, index) => ({ id: randomUUID(), ...between(10 + index, amount) }));
    const [first, second] = await Promise.all([ask(`${url}/v1/bulk`, bodies), ask(`${url}/v1/bulk`, bodies)]);
    deepStrictEqual(first.body, second.body);
    const { results } = first.body as { results: { id: string; status: string }[] };
    const posted = results.filter(({ status }) => status === 'posted').length;
    strictEqual(posted, amounts.filter((amount) => Number(amount) < FUNDS).length);
    deepStrictEqual(await count(url), { ...before, transfers: before.transfers + posted });
  }
}

async function direct(url: string): Promise<void> {
  const before = await count(url);
  const { body } = await ask(`${url}/direct`, { clients: 8, seconds: 1 });
  const { transfers } = body as { transfers: number };
  strictEqual(transfers > 0, true);
  deepStrictEqual(await count(url), { ...before, transfers: before.transfers + transfers });
}

/** The first of two neighbours pays the other, and the next time the other way round. */
function between(index: number, amount: string): Body {
  const pair = (Math.floor(index / 2) * 2) % ACCOUNTS;
  const [source, destination] = index % 2 === 0 ? [pair, pair + 1] : [pair + 1, pair];
  return { source: `bench-${source}`, destination: `bench-${destination}`, amount, currency: 'EUR' };
}

async function transfer(url: string, key: string, body: Body): Promise<Answer> {
  return ask(`${url}/v1/transfers`, body, { 'idempotency-key': key });
}

async function count(url: string): Promise<Count> {
  const answer = await fetch(`${url}/check`);
  const text = await answer.text();
  strictEqual(answer.status, 200, text);
  return JSON.parse(text) as Count;
}

async function ask(address: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const answer = await fetch(address, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  if (answer.status >= 500) throw new Error(`${address}: ${answer.status} ${text}`);
  return { status: answer.status, body: JSON.parse(text) as Record<string, unknown> };
}
