/** What the simulated rail does with a payment: the payment says so itself. */
import type { RailPayment } from '../../contracts/rails.ts';

export const BEHAVIOURS = {
  settle: 'accepts it, settles it, and calls back. What names no behaviour gets this one',
  decline: 'accepts it, declines it, and calls back',
  refuse: 'declines it at once',
  timeout: 'takes it, but does not answer; it settles it, and does not call back',
  twice: 'settles it, and calls back twice',
  late: 'settles it after 20 seconds, and calls back; `late:3000` does after 3',
  unknown: 'accepts it, and then cannot tell what became of it',
  contradict: 'settles it and calls back, and then calls back that it was declined',
  silent: 'settles it, and does not call back',
  broken: 'answers 503 to everything about it',
} as const;

type Behaviour = keyof typeof BEHAVIOURS;
type End = 'settled' | 'declined' | 'unknown';

/** What becomes of a payment. */
export type Plan = {
  readonly replies: 'at once' | 'never' | 'with 503';
  /** From when it was handed over. */
  readonly endsAfterMs: number;
  readonly end: End;
  readonly reason?: string;
  /** What is called back when it has ended, one after the other. */
  readonly callbacks: readonly End[];
};

const SOON_MS = 300;
const LATE_MS = 20_000;

/** `metadata.rail` names it, or `reference`. */
export function planOf({ reference, metadata }: Pick<RailPayment, 'reference' | 'metadata'>): Plan {
  const named = metadata['rail'] ?? reference ?? '';
  const [, name = '', milliseconds] = /^([a-z]+)(?::(\d{1,7}))?$/.exec(named) ?? [];
  const settled: Plan = {
    replies: 'at once',
    endsAfterMs: SOON_MS,
    end: 'settled',
    callbacks: ['settled'],
  };
  if (!isBehaviour(name)) return settled;
  switch (name) {
    case 'settle':
      return settled;
    case 'decline':
      return { ...settled, end: 'declined', reason: 'there is no such account', callbacks: ['declined'] };
    case 'refuse':
      return { ...settled, endsAfterMs: 0, end: 'declined', reason: 'there is no such bank', callbacks: [] };
    case 'timeout':
      return { ...settled, replies: 'never', callbacks: [] };
    case 'twice':
      return { ...settled, callbacks: ['settled', 'settled'] };
    case 'late':
      return { ...settled, endsAfterMs: Number(milliseconds ?? LATE_MS) };
    case 'unknown':
      return { ...settled, end: 'unknown', reason: 'the other bank is silent', callbacks: ['unknown'] };
    case 'contradict':
      return { ...settled, callbacks: ['settled', 'declined'] };
    case 'silent':
      return { ...settled, callbacks: [] };
    case 'broken':
      return { ...settled, replies: 'with 503', callbacks: [] };
  }
}

function isBehaviour(name: string): name is Behaviour {
  return Object.hasOwn(BEHAVIOURS, name);
}
