/** Tests of rules read as sentences: given these events, when this command, then those events or that rejection. */
import { expect } from 'vitest';
import type { Decider } from '../../../domain/decider.ts';
import type { RejectionCode } from '../../../domain/rejections.ts';

/** Starts a specification of one aggregate. */
export function specify<State, Command, Event>(decider: Decider<State, Command, Event>, id: string) {
  return {
    given: (...history: Event[]) => ({
      when(command: Command) {
        const state = history.reduce(decider.evolve, decider.initialState(id));
        const decision = decider.decide(command, state);
        return {
          then: (...events: Event[]) => expect(decision).toEqual({ ok: true, events }),
          thenNothing: () => expect(decision).toEqual({ ok: true, events: [] }),
          thenRejected: (code: RejectionCode) =>
            expect(decision).toMatchObject({ ok: false, rejection: { code } }),
        };
      },
    }),
  };
}
