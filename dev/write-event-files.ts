/** `npm run events`: writes the schemas of the events to `docs/events`, and the table of them. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { EVENTS_FOLDER, eventFiles, presentEventFiles } from './event-files.ts';

await mkdir(EVENTS_FOLDER, { recursive: true });
const [wanted, present] = [await eventFiles(), await presentEventFiles()];
for (const [name, text] of wanted) {
  if (text === undefined || text === present.get(name)) continue;
  await writeFile(new URL(name, EVENTS_FOLDER), text);
  console.log(`docs/events/${name}: written`);
}
for (const name of present.keys()) {
  if (wanted.has(name)) continue;
  await rm(new URL(name, EVENTS_FOLDER));
  console.log(`docs/events/${name}: removed`);
}
