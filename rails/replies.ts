/**
 * What an answer of a rail means. Only a plain statement counts: a payment is out, or declined, if the rail says so
 * in so many words and names the payment. Whatever else comes back leaves it open.
 */
import { railReport, words } from '../contracts/rails.ts';
import type { PaymentStatus } from './rail.ts';

export type Reply = { readonly status: number; readonly text: string };

/** What the reply to a payment that was handed over means. */
export function readSubmitted(id: string, reply: Reply): PaymentStatus {
  return reading(id, reply) ?? uncertain(reply);
}

/** What the reply to a question means. */
export function readStatus(id: string, reply: Reply): PaymentStatus {
  if (reply.status === 404) return { state: 'missing' };
  return reading(id, reply) ?? uncertain(reply);
}

function reading(id: string, { status, text }: Reply): PaymentStatus | undefined {
  const report = railReport.safeParse(json(text));
  if (!report.success || report.data.id !== id) return undefined;
  const { state, reason } = report.data;
  const fits = (status >= 200 && status < 300) || (status >= 400 && status < 500 && state === 'declined');
  return fits ? { state, ...(reason === undefined || reason === '' ? {} : { reason }) } : undefined;
}

function uncertain({ status, text }: Reply): PaymentStatus {
  const snippet = words(text, 100);
  return { state: 'uncertain', why: `it answered ${status}${snippet === '' ? '' : `: ${snippet}`}` };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
