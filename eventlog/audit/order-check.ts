/**
 * Checks that the events of one command follow each other. Chains join the events of one aggregate only; what tells the
 * order of a transfer's movements on two accounts is the event's id, which the hash covers: `<command>-<number>`.
 */
import type { RecordedEvent } from '../../contracts/events.ts';
import { AuditError } from './finding.ts';

const ID = /^(.+)-([1-9]\d*)$/;

export class OrderCheck {
  #command = '';
  #number = 0;

  add({ id }: RecordedEvent): void {
    const [, command, digits] = ID.exec(id) ?? [];
    if (command === undefined) throw new AuditError('header', `its ce-id "${id}" is not <command>-<number>`);
    const number = Number(digits);
    const due = command === this.#command ? this.#number + 1 : 1;
    if (number !== due) {
      throw new AuditError(
        'order',
        `it is event ${number} of the command ${command}, where event ${due} is due`,
      );
    }
    this.#command = command;
    this.#number = number;
  }
}
