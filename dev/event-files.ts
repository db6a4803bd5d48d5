/** The files in `docs/events`: a JSON Schema for the data of each published event, and a table of them. */
import { readdir, readFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';
import { EVENT_SUBJECTS } from '../contracts/events.ts';
import {
  EVENT_OCCASIONS,
  eventDataSchema,
  PUBLISHED_EVENTS,
  webhookDisabledSchema,
  type PublishedName,
} from '../contracts/published-events.ts';
import { newestVersion } from '../contracts/upcasters.ts';
import { AGGREGATES, eventSubject, webhookSubject } from '../contracts/subjects.ts';
import { WEBHOOK_DISABLED, WEBHOOK_DISABLED_OCCASION } from '../contracts/webhooks.ts';

export const EVENTS_FOLDER = new URL('../docs/events/', import.meta.url);

const WEBHOOK_FILE = 'WebhookDisabled.v1.json';

/** What should be in the folder, by file name. `undefined` is an old version: its file was written when it was new. */
export async function eventFiles(): Promise<ReadonlyMap<string, string | undefined>> {
  const files = new Map<string, string | undefined>();
  for (const name of PUBLISHED_EVENTS) {
    for (let old = 1; old < newestVersion(name); old++) files.set(`${name}.v${old}.json`, undefined);
    const file = newestFile(name);
    files.set(file, await formatted(file, JSON.stringify(eventDataSchema(name))));
  }
  files.set(WEBHOOK_FILE, await formatted(WEBHOOK_FILE, JSON.stringify(webhookDisabledSchema())));
  files.set('README.md', await formatted('README.md', readme()));
  return files;
}

/** What is in the folder, by file name. */
export async function presentEventFiles(): Promise<ReadonlyMap<string, string>> {
  const names = await readdir(EVENTS_FOLDER);
  const texts = names.map(
    async (name) => [name, await readFile(new URL(name, EVENTS_FOLDER), 'utf8')] as const,
  );
  return new Map(await Promise.all(texts));
}

function newestFile(name: PublishedName): string {
  return `${name}.v${newestVersion(name)}.json`;
}

async function formatted(name: string, text: string): Promise<string> {
  const config = await resolveConfig(EVENTS_FOLDER);
  return await format(text, { ...config, filepath: name });
}

function readme(): string {
  return `# Events

<!-- Written by \`npm run events\` from contracts/. -->

Every event that subscribers get. The files are JSON Schemas (draft 7) of the data; the headers stand in
\`GET /asyncapi.json\`. [How to subscribe](../subscribing.md) says how to read them.

An event's type is \`ledger.<Name>.v<n>\`. A released event only gains optional fields: ignore those that you do not know.
What breaks readers is a new version. The log keeps events as they were written, so the file of an old version stays.

${AGGREGATES.map(table).join('\n')}
${webhooks()}`;
}

function webhooks(): string {
  const subject = webhookSubject('<ledger>', '<id>', 'disabled');
  return `## Webhooks

\`${WEBHOOK_DISABLED}\` is no event of the ledger: it is told once, on a plain subscription, and is not in the log.

| event | subject | when |\n| --- | --- | --- |
| [WebhookDisabled](${WEBHOOK_FILE}) | \`${subject}\` | ${WEBHOOK_DISABLED_OCCASION} |
`;
}

function table(aggregate: (typeof AGGREGATES)[number]): string {
  const names = PUBLISHED_EVENTS.filter((name) => EVENT_SUBJECTS[name].aggregate === aggregate);
  const rows = names.map((name) => {
    const subject = eventSubject('<ledger>', { aggregate, id: '<id>' }, EVENT_SUBJECTS[name].token);
    return `| [${name}](${newestFile(name)}) | \`${subject}\` | ${EVENT_OCCASIONS[name]} |`;
  });
  const title = `${aggregate[0]?.toUpperCase()}${aggregate.slice(1)}s`;
  return `## ${title}\n\n| event | subject | when |\n| --- | --- | --- |\n${rows.join('\n')}\n`;
}
