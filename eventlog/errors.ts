/** What may go wrong with the log, for those who read from it and those who append to it. */

/** The log did not answer, or refused to. */
export class LogUnavailable extends Error {
  override readonly name: string = 'LogUnavailable';
}

/** The log has lost what it had acknowledged. Only a person can help. */
export class LogDamaged extends LogUnavailable {
  override readonly name = 'LogDamaged';
}

/** The queue is full. Nothing was done. */
export class Overloaded extends Error {
  override readonly name = 'Overloaded';
}

/** This process may not decide now. The command is to be carried to whoever may. */
export class NotActive extends Error {
  override readonly name = 'NotActive';
  /** An append with this command in it had no clear answer. */
  readonly inDoubt: boolean;

  constructor(inDoubt: boolean) {
    super('Another process is the active writer.');
    this.inDoubt = inDoubt;
  }
}
