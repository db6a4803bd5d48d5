/** A payment rail, as Tallybook uses it: whatever takes money out, and may take its time to say what became of it. */
import type { RailReport, RailPayment } from '../contracts/rails.ts';

/** What is known of a payment after the rail was spoken to. */
export type PaymentStatus =
  | Pick<RailReport, 'state' | 'reason'>
  /** The rail knows of no such payment. Another request may still be on its way there. */
  | { readonly state: 'missing' }
  /** Nobody can tell whether the rail has it. */
  | { readonly state: 'uncertain'; readonly why: string };

export type Rail = {
  /** Hands a payment over. The same id again is the same payment, however often it is handed over. */
  readonly submit: (payment: RailPayment, signal: AbortSignal) => Promise<PaymentStatus>;
  /** Asks what became of one. */
  readonly status: (id: string, signal: AbortSignal) => Promise<PaymentStatus>;
};
