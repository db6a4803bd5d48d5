/** The Dockerfile, checked without an engine: that what it copies exists, and that the image runs without rights. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ROOT, composeServices } from './compose-file.ts';
import { dockerfileStages, isIgnored, type Stage } from './dockerfile.ts';

const stages = dockerfileStages();
const image = stages.at(-1)!;

const all = (stage: Stage, name: string) =>
  stage.instructions.filter((instruction) => instruction.name === name).map(({ text }) => text);

/** Each `COPY` of a stage: which paths, and from which other stage unless from the build's context. */
const copies = (stage: Stage) =>
  all(stage, 'COPY').map((text) => {
    const words = text.split(/\s+/);
    const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length);
    return { stage: stage.name, from, paths: words.filter((word) => !word.startsWith('--')).slice(0, -1) };
  });

const json = (path: string): unknown => JSON.parse(readFileSync(`${ROOT}${path}`, 'utf8'));

const majorVersion = (text: string) => Number(/(\d+)\.\d+/.exec(text)?.[1]);

describe('what the image is built from', () => {
  const copied = stages.flatMap((stage) => copies(stage));
  const fromContext = [
    ...new Set(copied.filter(({ from }) => from === undefined).flatMap(({ paths }) => paths)),
  ];
  const fromStages = copied.filter(({ from }) => from !== undefined);

  test.each(fromContext)('%s is there and reaches the build', (path) => {
    expect(existsSync(`${ROOT}${path}`)).toBe(true);
    expect(isIgnored(path)).toBe(false);
  });

  test.each(fromStages)('$stage copies $paths from an earlier stage', ({ stage, from }) => {
    const names = stages.map(({ name }) => name);
    expect(names.slice(0, names.indexOf(stage))).toContain(from);
  });

  test('nothing that the build needs is ignored', () => {
    const { exclude } = z.object({ exclude: z.array(z.string()) }).parse(json('tsconfig.build.json'));
    const compiled = readdirSync(ROOT, { withFileTypes: true })
      .filter(({ name }) => !exclude.includes(name) && !name.startsWith('.'))
      .filter((entry) =>
        entry.isDirectory()
          ? readdirSync(`${ROOT}${entry.name}`, { recursive: true }).some((file) =>
              String(file).endsWith('.ts'),
            )
          : entry.name.endsWith('.ts'),
      )
      .map(({ name }) => name);
    expect(compiled).toEqual(expect.arrayContaining(['api', 'runtime', 'domain', 'worker']));
    const needed = [...compiled, 'tsconfig.json', 'tsconfig.build.json', 'dev'];
    expect(needed.filter((name) => isIgnored(name))).toEqual([]);
  });

  test.each(['.git', '.env', '.env.local', '.data', 'node_modules', 'dist'])('%s stays outside', (name) => {
    expect(isIgnored(name)).toBe(true);
  });

  test('dependencies are those of the lock file, and none runs a script of its own', () => {
    const installs = stages
      .flatMap((stage) => all(stage, 'RUN'))
      .filter((text) => /npm (ci|i|install)\b/.test(text));
    expect(installs).toHaveLength(2);
    expect(installs.filter((text) => !text.startsWith('npm ci --ignore-scripts'))).toEqual([]);
  });
});

describe('the image', () => {
  test("is a Debian, since Temporal's native core needs glibc, with a Node that package.json allows", () => {
    const { engines } = z.object({ engines: z.object({ node: z.string() }) }).parse(json('package.json'));
    expect(image.image).toMatch(/^node:\d+\.\d+\.\d+-(bookworm|trixie)-slim$/);
    expect(majorVersion(image.image)).toBeGreaterThanOrEqual(majorVersion(engines.node));
  });

  test('has the same base as the stages that make its parts', () => {
    expect(stages.map((stage) => stage.image)).toEqual(stages.map(() => image.image));
  });

  test('runs as a user that is not root, named by number so that Kubernetes can tell', () => {
    expect(all(image, 'USER').at(-1)).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  });

  test('holds production dependencies and the compiled program, and no source', () => {
    const dependencies = stages.find(({ name }) => name === 'dependencies')!;
    expect(all(dependencies, 'RUN').join()).toContain('--omit=dev');
    expect(copies(image)).toMatchObject([
      { from: undefined, paths: ['LICENSE', 'package.json'] },
      { from: 'dependencies', paths: ['/app/node_modules'] },
      { from: 'build', paths: ['/app/dist'] },
    ]);
  });

  test('by itself runs the API, as the compose file does, and checks its health', () => {
    expect(JSON.parse(all(image, 'CMD').join())).toEqual(composeServices().services['api']?.command);
    expect(all(image, 'HEALTHCHECK').join()).toContain('/healthz');
    expect(all(image, 'ENTRYPOINT')).toEqual([]);
  });

  test('is stopped with the signal on which our processes end in order', () => {
    expect(all(image, 'STOPSIGNAL')).toEqual(['SIGTERM']);
  });
});
