/** The payments that the simulated rail was given. A file keeps them: a rail forgets nothing when it is restarted. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { planOf, type Plan } from './behaviours.ts';

/** What is asked for. A rail of other people's need not take it as strictly. */
export const paymentBody = z.object({
  id: z.string().min(1),
  account: z.string(),
  amount: z.string(),
  currency: z.string(),
  reference: z.string().optional(),
  metadata: z.record(z.string(), z.string()).default({}),
});

export type PaymentBody = z.infer<typeof paymentBody>;

export type Payment = {
  readonly key: string;
  readonly body: PaymentBody;
  readonly receivedAt: number;
  readonly plan: Plan;
  /** How many of its callbacks have arrived. */
  readonly calledBack: number;
  /** How often it was handed over, since the start. */
  readonly requests: number;
};

const line = z.union([
  z.object({ key: z.string(), received_at: z.number(), body: paymentBody }),
  z.object({ key: z.string(), called_back: z.number() }),
]);

export class Payments {
  readonly #file: string;
  readonly #byKey = new Map<string, Payment>();

  /** Opens the file, or begins it. */
  constructor(file: string) {
    this.#file = file;
    mkdirSync(dirname(file), { recursive: true });
    if (!existsSync(file)) return;
    const text = readFileSync(file, 'utf8');
    for (const one of text.split('\n')) this.#remember(one);
    // Half a line of a process that was killed stays a line of its own.
    if (text !== '' && !text.endsWith('\n')) appendFileSync(file, '\n');
  }

  all(): Payment[] {
    return [...this.#byKey.values()];
  }

  withId(id: string): Payment | undefined {
    return this.all().find(({ body }) => body.id === id);
  }

  withKey(key: string): Payment | undefined {
    return this.#byKey.get(key);
  }

  /** Takes a payment; one with a key that is known is that one again. */
  take(key: string, body: PaymentBody, now: number): { payment: Payment; isNew: boolean } {
    const known = this.#byKey.get(key);
    if (!known) this.#write({ key, received_at: now, body });
    const payment = this.#byKey.get(key) as Payment;
    this.#byKey.set(key, { ...payment, requests: payment.requests + 1 });
    return { payment, isNew: known === undefined };
  }

  calledBack(key: string, count: number): void {
    this.#write({ key, called_back: count });
  }

  #write(entry: z.infer<typeof line>): void {
    const text = JSON.stringify(entry);
    appendFileSync(this.#file, `${text}\n`);
    this.#remember(text);
  }

  #remember(text: string): void {
    const entry = read(text);
    if (!entry) return;
    const { key } = entry;
    if ('called_back' in entry) {
      const payment = this.#byKey.get(key);
      if (payment) this.#byKey.set(key, { ...payment, calledBack: entry.called_back });
    } else {
      const { body, received_at: receivedAt } = entry;
      this.#byKey.set(key, {
        key,
        body,
        receivedAt,
        plan: planOf(planned(body)),
        calledBack: 0,
        requests: 0,
      });
    }
  }
}

/** What of a payment decides what becomes of it. */
function planned({ reference, metadata }: PaymentBody) {
  return { metadata, ...(reference === undefined ? {} : { reference }) };
}

/** Undefined for the half of a line that a killed process leaves behind. */
function read(text: string): z.infer<typeof line> | undefined {
  try {
    return line.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** The state of a payment, as the rail tells it. */
export function stateOf({ plan, receivedAt }: Payment, now: number): Plan['end'] | 'accepted' {
  return now >= receivedAt + plan.endsAfterMs ? plan.end : 'accepted';
}
