/** Random requests over few accounts, small amounts and few ids, so that they meet. */
import fc from 'fast-check';
import type { CommandRequest, MovementRequest } from '../../../messages/commands.ts';
import {
  decision,
  changeAccount,
  changeHold,
  createAccount,
  moveMoney,
  placeHold,
  resolve,
  reverse,
  step,
  transact,
  type Line,
} from '../../support/ledgers/test-ledger.ts';

const NOON = '2026-01-02T12:00:00.000Z';
const NIGHT = '2026-01-02T20:00:00.000Z';

const customer = fc.constantFrom('ann', 'ben', 'cam', 'dol');
const account = fc.constantFrom('ann', 'ben', 'cam', 'dol', 'world_EUR', 'world_USD');
const inEuros = fc.constantFrom('ann', 'ben', 'cam', 'world_EUR');
const currency = fc.constantFrom('EUR', 'EUR', 'EUR', 'EUR', 'USD');
const amount = fc.integer({ min: 1, max: 9 });
const time = fc.constantFrom(NOON, NIGHT);
const transfer = fc.integer({ min: 0, max: 12 }).map((number) => `t${number}`);
/** Those that wait have names of their own, so that they are found. */
const waiting = fc.constantFrom('w1', 'w2', 'w3', 'w4');
const begun = fc.oneof({ weight: 3, arbitrary: waiting }, { weight: 1, arbitrary: transfer });
const reversible = fc.oneof(
  begun,
  fc.constantFrom('begin1', 'begin2', 'r1', 'r2', 'c-k1', 'c-k2', 'c-k3', 'c-k4'),
);
const hold = fc.integer({ min: 1, max: 6 }).map((number) => `h${number}`);
const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });

/** A key that others may have used for something else; or none, or one of its own. */
const key = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom('k1', 'k2', 'k3', 'k4') },
  { weight: 2, arbitrary: fc.uuid() },
  { weight: 1, arbitrary: fc.constant(undefined) },
);

/** Under a name that makes it known again. Two requests with one key are the same only if they ask for the same. */
function named<Request extends CommandRequest>(request: Request, name: string | undefined): Request {
  const { idempotency_key: _key, command_id, fingerprint: _fingerprint, ...asked } = request;
  const known = name === undefined ? {} : { idempotency_key: name };
  return { ...asked, command_id, fingerprint: JSON.stringify(asked), ...known } as Request;
}

/** Without the fields that are not there. */
function optional<Fields extends object>(
  fields: Fields,
): { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

const WAITS: readonly Partial<MovementRequest>[] = [
  { approval_expires_at: NOON },
  { scheduled_for: NOON },
  { approval_expires_at: NOON, scheduled_for: NIGHT },
  { rail: 'sepa' },
];
const waits = fc.constantFrom({}, {}, {}, ...WAITS);
const movement = fc
  .record({ id: transfer, source: account, destination: account, amount, currency, waits })
  .map(({ id, waits: more, amount: units, currency: code, ...between }) =>
    // The key is the id.
    named(moveMoney(id, { ...between, amount: String(units) }, { currency: code, ...more }), `key of ${id}`),
  );
const likely = fc
  .record({ id: transfer, source: inEuros, destination: inEuros, amount, waits })
  .map(({ id, waits: more, amount: units, ...between }) =>
    named(moveMoney(id, { ...between, amount: String(units) }, more), `key of ${id}`),
  );
const pair = fc.tuple(account, account, amount, currency).map(([from, to, units, code]): Line[] => [
  [from, -units, code],
  [to, units, code],
]);
const transaction = fc
  .record({ id: transfer, pairs: fc.array(pair, { minLength: 1, maxLength: 2 }), more: fc.nat(9) })
  .map(({ id, pairs, more }) => {
    // Now and then it does not balance.
    const lines: Line[] = [...pairs.flat(), ...(more === 0 ? [['ann', 1] as const] : [])];
    return named(transact(id, lines), `key of ${id}`);
  });
const reversal = fc
  .record({ id: fc.constantFrom('r1', 'r2', 'r3', 'r4', 'r5', 'r6'), of: reversible, part: maybe(amount) })
  .map(({ id, of, part }) =>
    named(reverse(id, of, optional({ amount: part === undefined ? part : String(part) })), `key of ${id}`),
  );
const likelyToWait = fc
  .record({ id: waiting, source: customer, amount, waits: fc.constantFrom(...WAITS) })
  .map(({ id, source, amount: units, waits: more }) =>
    named(moveMoney(id, { source, destination: 'world_EUR', amount: String(units) }, more), `key of ${id}`),
  );
const said = fc
  .tuple(begun, fc.constantFrom('approve', 'approve', 'reject', 'cancel'), key)
  .map(([id, what, name]) => named(decision(id, what), name));
const steps = fc
  .tuple(
    begun,
    fc.constantFrom<Parameters<typeof step>[1]>(
      { type: 'transfer.complete' },
      { type: 'transfer.complete' },
      { type: 'transfer.expire' },
      { type: 'transfer.fail', code: 'rail_declined', detail: 'No such IBAN.' },
      { type: 'transfer.park', reason: 'no answer' },
    ),
  )
  .map(([id, what]) => step(id, what));
const resolution = fc
  .tuple(begun, fc.constantFrom('completed' as const, 'failed' as const), key)
  .map(([id, outcome, name]) => named(resolve(id, outcome), name));
const placing = fc
  .record({ id: hold, of: account, amount, currency, destination: maybe(account), expires: maybe(time) })
  .map(({ id, of, amount: units, currency: code, destination, expires }) => {
    const more = { currency: code, ...optional({ destination, expires_at: expires }) };
    return named(placeHold(id, { account: of, amount: String(units) }, more), id);
  });
const likelyPlacing = fc
  .record({ id: hold, of: fc.constantFrom('ann', 'ben'), amount, expires: time })
  .map(({ id, of, amount: units, expires }) =>
    named(placeHold(id, { account: of, amount: String(units) }, { expires_at: expires }), id),
  );
const capture = fc
  .record({ id: hold, part: maybe(amount), destination: maybe(account), name: key, own: fc.uuid() })
  .map(({ id, part, destination, name, own }) => {
    const amountGiven = part === undefined ? undefined : String(part);
    const asked = { transfer: `c-${name ?? own}`, ...optional({ amount: amountGiven, destination }) };
    return named(changeHold(id, { type: 'hold.capture', ...asked }), name);
  });
const holdStep = fc
  .tuple(hold, fc.constantFrom('void' as const, 'extend' as const, 'expire' as const), time, key)
  .map(([id, what, expires_at, name]) => {
    if (what === 'void') return named(changeHold(id, { type: 'hold.void' }), name);
    if (what === 'expire') return changeHold(id, { type: 'hold.expire', expires_at });
    return named(changeHold(id, { type: 'hold.extend', expires_at }), name);
  });
const creation = fc
  .record({ id: customer, limit: fc.integer({ min: 0, max: 5 }), name: key })
  .map(({ id, limit, name }) => named(createAccount(id, { overdraft_limit: String(limit) }), name));
const status = fc
  .tuple(
    customer,
    fc.constantFrom<'account.freeze' | 'account.unfreeze' | 'account.close'>(
      'account.freeze',
      'account.unfreeze',
      'account.unfreeze',
      'account.close',
    ),
    key,
  )
  .map(([id, type, name]) => named(changeAccount(id, { type }), name));
const update = fc
  .record({
    id: customer,
    limit: fc.integer({ min: 0, max: 9 }),
    version: maybe(fc.integer({ min: 1, max: 9 })),
    name: key,
  })
  .map(({ id, limit, version, name }) => {
    const asked = { overdraft_limit: String(limit), ...optional({ if_version: version }) };
    return named(changeAccount(id, { type: 'account.update', ...asked }), name);
  });

export const anyRequest: fc.Arbitrary<CommandRequest> = fc.oneof(
  { weight: 3, arbitrary: movement },
  { weight: 8, arbitrary: likely },
  { weight: 3, arbitrary: transaction },
  { weight: 4, arbitrary: reversal },
  { weight: 4, arbitrary: likelyToWait },
  { weight: 8, arbitrary: said },
  { weight: 8, arbitrary: steps },
  { weight: 3, arbitrary: resolution },
  { weight: 2, arbitrary: placing },
  { weight: 4, arbitrary: likelyPlacing },
  { weight: 4, arbitrary: capture },
  { weight: 4, arbitrary: holdStep },
  { weight: 1, arbitrary: creation },
  { weight: 1, arbitrary: status },
  { weight: 2, arbitrary: update },
);
