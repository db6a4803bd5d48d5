/** `rebuild`: makes a projection's tables anew, beside those that queries read. */
import type { Projection } from '../../projector/projections/projection.ts';
import { runRebuild } from '../../projector/run/projector.ts';
import { readStatuses } from '../../projector/tables/checkpoint.ts';
import { connectReadModel, lacksTables, type ReadModel } from '../../projector/tables/database.ts';
import { CannotRun, EXIT, type Command, type Context, type ExitCode, type Input } from '../command.ts';
import { grouped } from '../io/progress.ts';
import { projectionNamed } from '../projections.ts';
import { measureRawRate } from './raw-rate.ts';

/** How often the end of the log is asked for. */
const LOOK_MS = 1_000;

export const rebuildCommand: Command = {
  name: 'rebuild',
  takes: '<projection> [options]',
  summary: 'Makes a projection anew from the log while queries go on.',
  help: `balances: accounts and statements. transfers: transfers and holds. totals: daily totals of accounts.

The new tables are built beside the live ones, from the log's first event. When they show all that the live ones do,
they take their place in one statement, and the old ones are dropped. Queries are answered all the time, and never
show less than before. If it is interrupted, run it again: it goes on where it was.

A projector that starts with a changed version of a projection does the same by itself.`,
  positionals: [1, 1],
  options: {
    anew: { text: 'begin at the first event, also if a rebuild was interrupted' },
    measure: { text: 'read the log without doing anything first, and tell that rate too' },
  },
  run: rebuild,
};

async function rebuild(input: Input, context: Context): Promise<ExitCode> {
  const projection = projectionNamed(input.positionals[0] ?? '');
  const { reader } = await context.connect();
  const db = connectReadModel(context.databaseUrl, context.ledger);
  const raw = input.flag('measure') ? await measureRawRate(context) : undefined;
  const began = performance.now();
  let last = await reader.lastPosition();
  const looking = setInterval(() => {
    reader.lastPosition().then(
      (position) => (last = position),
      () => {},
    );
  }, LOOK_MS);
  try {
    const from = await begunAt(db, input, projection);
    let to = from;
    await runRebuild(
      {
        db,
        log: reader,
        projection,
        // What nobody shows yet is no reason to go live early.
        atLeast: last,
        anew: input.flag('anew'),
        announce: () => {},
        tell: context.tell,
        progress: (name, position) => {
          to = position;
          context.progress.tell(`Building ${name}:`, position, Math.max(last, position));
        },
      },
      new AbortController().signal,
    );
    const seconds = (performance.now() - began) / 1_000;
    const rate = grouped(Math.round((to - from) / Math.max(seconds, 0.001)));
    context.progress.clear();
    await context.write(
      `The projection "${projection.name}" was made anew up to position ${to}, and is live: ` +
        `${grouped(to - from)} events in ${seconds.toFixed(1)} s, ${rate}/s.\n`,
    );
    if (raw !== undefined) {
      await context.write(`An ordered consumer that does nothing: ${grouped(raw)}/s in the same run.\n`);
    }
    return EXIT.fine;
  } finally {
    clearInterval(looking);
    await db.end();
  }
}

/** Where an interrupted rebuild goes on. */
async function begunAt(db: ReadModel, input: Input, { name, version }: Projection): Promise<number> {
  try {
    const building = (await readStatuses(db)).find((status) => status.name === name)?.building;
    return building?.version === version && !input.flag('anew') ? building.position : 0;
  } catch (error) {
    throw lacksTables(error) ? new CannotRun(`The database has no schema "${db.schema}".`) : error;
  }
}
