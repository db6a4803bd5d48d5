/** `parked`: lists what projections could not apply, and tries it again. */
import { PROJECTIONS } from '../../projector/projections/index.ts';
import type { Projection } from '../../projector/projections/projection.ts';
import { listParked, retryParked, type Parked, type Retried } from '../../projector/run/parked.ts';
import { retryStopped } from '../../projector/run/projector.ts';
import { readStatuses, type ProjectionStatus } from '../../projector/tables/checkpoint.ts';
import { connectReadModel, lacksTables, type ReadModel } from '../../projector/tables/database.ts';
import { CannotRun, EXIT, type Command, type Context, type ExitCode, type Input } from '../command.ts';
import { createTable } from '../io/table.ts';
import { projectionNamed } from '../projections.ts';

export const parkedCommand: Command = {
  name: 'parked',
  takes: '[<projection>] [options]',
  summary: 'Lists the events that projections could not apply, or tries them again.',
  help: `A projection goes on past events that it cannot apply: those of the one command, and no others. They are kept
apart with the error, until they are tried again with success (after the error has been mended, in code that runs
now) or the projection is rebuilt. They are in the log as ever: only what queries show lacks them.

A projection that was told to stop instead (PROJECTIONS_THAT_STOP) is listed too; --retry has it try again, by the
projector that runs.`,
  positionals: [0, 1],
  options: {
    retry: { text: 'try them again, in log order; and what has stopped' },
    position: { value: '<position>', text: 'only those that begin at this position' },
    json: { text: 'one JSON object a line' },
  },
  run: parked,
};

async function parked(input: Input, context: Context): Promise<ExitCode> {
  const [name] = input.positionals;
  const projection = name === undefined ? undefined : projectionNamed(name).name;
  const position = input.value('position');
  const db = connectReadModel(context.databaseUrl, context.ledger);
  try {
    const all = await listParked(db, projection).catch((error: unknown) => {
      throw lacksTables(error) ? new CannotRun(`The database has no schema "${db.schema}".`) : error;
    });
    const chosen = all.filter((each) => position === undefined || each.position === Number(position));
    const stopped = position === undefined ? await stoppedOnes(db, projection) : [];
    if (input.flag('retry')) {
      for (const each of stopped) {
        await retryStopped(db, each.name);
        await context.write(`The projection "${each.name}" is asked to try again.\n`);
      }
      return await retry(db, chosen, context);
    }
    await context.write(input.flag('json') ? lines(chosen) : table(chosen) + stoppedLines(stopped));
    return EXIT.fine;
  } finally {
    await db.end();
  }
}

async function stoppedOnes(db: ReadModel, projection: string | undefined): Promise<ProjectionStatus[]> {
  const all = await readStatuses(db);
  return all.filter(({ name, error }) => error !== null && (projection ?? name) === name);
}

function stoppedLines(stopped: readonly ProjectionStatus[]): string {
  return stopped.map(({ name, error }) => `The projection "${name}" has stopped: ${error}\n`).join('');
}

/** In log order: what is later may need what is earlier. */
async function retry(db: ReadModel, chosen: readonly Parked[], context: Context): Promise<ExitCode> {
  const { reader } = await context.connect();
  const counts: Record<Retried, number> = { applied: 0, parked: 0, gone: 0, 'other version': 0 };
  const projections: Readonly<Record<string, Projection>> = PROJECTIONS;
  for (const each of chosen) {
    const projection = projections[each.projection];
    const result = projection ? await retryParked(db, reader, { parked: each, projection }) : 'other version';
    counts[result] += 1;
  }
  if (counts['other version'] > 0) {
    throw new CannotRun('The tables are those of another version of the projection: rebuild it.');
  }
  await context.write(
    `Applied ${counts.applied} of ${chosen.length}; ${counts.parked} could not be applied again.\n`,
  );
  return counts.parked > 0 ? EXIT.broken : EXIT.fine;
}

function lines(chosen: readonly Parked[]): string {
  return chosen.map((each) => `${JSON.stringify(each)}\n`).join('');
}

function table(chosen: readonly Parked[]): string {
  if (chosen.length === 0) return 'Nothing is parked.\n';
  const layOut = createTable([
    { heading: 'position', right: true },
    { heading: 'projection' },
    { heading: 'type' },
    { heading: 'subject' },
    { heading: 'tries', right: true },
    { heading: 'parked' },
    { heading: 'error' },
  ]);
  return layOut(
    chosen.map(({ position, last_position, projection, type, subject, tries, parked_at, error }) => [
      position === last_position ? `${position}` : `${position}-${last_position}`,
      projection,
      type,
      subject,
      `${tries}`,
      parked_at,
      error.replaceAll(/\s+/g, ' '),
    ]),
  );
}
