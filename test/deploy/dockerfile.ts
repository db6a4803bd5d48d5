/** Reads the Dockerfile and .dockerignore, as far as this project uses their languages. */
import { readFileSync } from 'node:fs';
import { ROOT } from './compose-file.ts';

type Instruction = Readonly<{ name: string; text: string }>;

export type Stage = Readonly<{ name: string; image: string; instructions: readonly Instruction[] }>;

/** The stages in order; the last one is the image. `ARG`s before the first stage are filled in. */
export function dockerfileStages(): readonly Stage[] {
  const lines = readFileSync(`${ROOT}Dockerfile`, 'utf8')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n');
  const args = new Map<string, string>();
  const stages: { name: string; image: string; instructions: Instruction[] }[] = [];
  for (const line of lines.filter((each) => each.trim() !== '')) {
    const [, name = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    const last = stages.at(-1);
    if (name === 'FROM') {
      const [image = '', , as = ''] = rest.split(/\s+/);
      stages.push({ name: as, image: fill(image, args), instructions: [] });
    } else if (last) {
      last.instructions.push({ name, text: rest });
    } else {
      const [key = '', value = ''] = rest.split('=');
      args.set(key, value);
    }
  }
  return stages;
}

/** What the image sets in the environment of every process. */
export function imageEnvironment(): Readonly<Record<string, string>> {
  const settings = (dockerfileStages().at(-1)?.instructions ?? [])
    .filter(({ name }) => name === 'ENV')
    .flatMap(({ text }) => text.match(/\w+=(?:"[^"]*"|\S+)/g) ?? []);
  return Object.fromEntries(settings.map((setting) => /^(\w+)="?(.*?)"?$/.exec(setting)?.slice(1) ?? []));
}

/** Whether .dockerignore keeps this path of the top folder away from the build. */
export function isIgnored(name: string): boolean {
  return readFileSync(`${ROOT}.dockerignore`, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((pattern) => new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`))
    .some((pattern) => pattern.test(name));
}

function fill(image: string, args: ReadonlyMap<string, string>): string {
  return image.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => args.get(name) ?? '');
}
