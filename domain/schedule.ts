/** What a schedule's firings are called. */

/**
 * The id of the transfer that a firing makes: from the schedule's and the time that the firing was due, to the second.
 * So whoever carries a firing out, and however often, it is one transfer.
 * @param due RFC 3339, UTC
 */
export function firingTransferId(schedule: string, due: string): string {
  const second = due.slice(0, 'yyyy-mm-ddThh:mm:ss'.length).replaceAll(/[-:]/g, '');
  return `${schedule.replace(/^sch_/, 'tr_')}_${second}Z`;
}
