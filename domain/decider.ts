/**
 * The shape of every aggregate: three pure functions.
 * `decide` says which events a command brings about, or why it is rejected; `evolve` says what an event changes.
 * The idea is Jérémie Chassaing's (https://thinkbeforecoding.com/post/2021/12/17/functional-event-sourcing-decider).
 */
import type { Rejection } from './rejections.ts';

export type Decision<Event> =
  | { readonly ok: true; readonly events: readonly Event[] }
  | { readonly ok: false; readonly rejection: Rejection };

export type Decider<State, Command, Event> = {
  readonly initialState: (id: string) => State;
  readonly decide: (command: Command, state: State) => Decision<Event>;
  readonly evolve: (state: State, event: Event) => State;
};

/** A decision that the command brings about these events; none if everything is as it asks already. */
export function accept<Event>(...events: Event[]): Decision<Event> {
  return { ok: true, events };
}

/** A decision that the command is rejected. */
export function reject(rejection: Rejection): { readonly ok: false; readonly rejection: Rejection } {
  return { ok: false, rejection };
}
