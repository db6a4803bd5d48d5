import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { beforeAll, describe, expect, test } from 'vitest';
import type { History } from '@temporalio/common/lib/proto-utils.js';

const FOLDER = new URL('../histories/', import.meta.url);
const NAMES = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
const history = (name: string) => JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as History;

const typeOf = (name: string) => {
  const [started] = history(name).events ?? [];
  return started?.workflowExecutionStartedEventAttributes?.workflowType?.name;
};

/** The workflow types that today's code has, as the worker will register them. */
const TYPES = Object.keys(await import('../../workflows/index.ts'));

const bundle = (entry: string) =>
  bundleWorkflowCode({ workflowsPath: fileURLToPath(new URL(entry, import.meta.url)), logger });
const logger = new DefaultLogger('ERROR');

let workflowBundle: { code: string };
beforeAll(async () => {
  Runtime.install({ logger });
  workflowBundle = await bundle('../../workflows/index.ts');
}, 60_000);

describe('recorded histories', () => {
  test.each(NAMES)('%s replays with the code of today', async (name) => {
    await expect(Worker.runReplayHistory({ workflowBundle }, history(name))).resolves.toBeUndefined();
  });

  test('there is one of every workflow type', () => {
    expect(new Set(NAMES.map(typeOf))).toEqual(new Set(TYPES));
  });

  test('do not replay with workflows that were changed carelessly, so a pass means something', async () => {
    const changed = await bundle('changed/index.ts');
    for (const type of TYPES) {
      const name = NAMES.find((each) => typeOf(each) === type) ?? '';
      const replayed = Worker.runReplayHistory({ workflowBundle: changed }, history(name));
      await expect(replayed, name).rejects.toThrow(DeterminismViolationError);
    }
  });

  test('replay with a workflow that was changed by a patch, as CONTRIBUTING.md says', async () => {
    const patched = await bundle('patched/index.ts');
    for (const name of ['transfer-posted.json', 'transfer-approved.json', 'transfer-scheduled.json']) {
      await expect(
        Worker.runReplayHistory({ workflowBundle: patched }, history(name)),
        name,
      ).resolves.toBeUndefined();
    }
  });
});
