/**
 * What an answer of a rail means. Only a plain statement counts: a payment is out, or declined, if the rail says so
 * in so many words and names the payment. Whatever else comes back leaves it open.
 */
import { railAnswer, words } from '../contracts/rails.ts';
import type { Heard } from './rail.ts';

export type Reply = { readonly status: number; readonly text: string };

/** What the reply to a payment that was handed over means. */
export function readSubmitted(id: string, reply: Reply): Heard {
  return reading(id, reply) ?? uncertain(reply);
}

/** What the reply to a question means. */
export function readAsked(id: string, reply: Reply): Heard {
  if (reply.status === 404) return { state: 'missing' };
  return reading(id, reply) ?? uncertain(reply);
}

function reading(id: string, { status, text }: Reply): Heard | undefined {
  const told = railAnswer.safeParse(json(text));
  if (!told.success || told.data.id !== id) return undefined;
  const { state, reason } = told.data;
  const fits = (status >= 200 && status < 300) || (status >= 400 && status < 500 && state === 'declined');
  return fits ? { state, ...(reason === undefined || reason === '' ? {} : { reason }) } : undefined;
}

function uncertain({ status, text }: Reply): Heard {
  const said = words(text, 100);
  return { state: 'uncertain', why: `it answered ${status}${said === '' ? '' : `: ${said}`}` };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
