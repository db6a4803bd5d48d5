import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createPositionWaiter } from '../../../projector/queries/positions.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A waiter on a read model whose position the test sets. */
function setup(position: number) {
  const database = { position, asked: 0 };
  const waiter = createPositionWaiter(async () => {
    database.asked += 1;
    return database.position;
  });
  return { database, ...waiter };
}

describe('waiting for a position', () => {
  it('asks nothing when the projector has told of it already', async () => {
    const { database, advance, waitFor } = setup(0);
    advance(8);
    expect(await waitFor(8, 5_000)).toBe(true);
    expect(database.asked).toBe(0);
  });

  it('asks again what it was told before a connection ended', async () => {
    const { database, advance, forget, waitFor } = setup(7);
    advance(8);
    forget();
    const waiting = waitFor(8, 5_000);
    await vi.advanceTimersByTimeAsync(10);
    expect(database.asked).toBe(1);
    advance(8);
    expect(await waiting).toBe(true);
  });

  it('asks once, and ends there when the read model is that far', async () => {
    const { database, waitFor } = setup(8);
    expect(await waitFor(8, 5_000)).toBe(true);
    expect(database.asked).toBe(1);
  });

  it('ends as soon as the projector tells of the position', async () => {
    const { advance, waitFor } = setup(0);
    const waiting = waitFor(8, 5_000);
    await vi.advanceTimersByTimeAsync(10);
    advance(7);
    advance(8);
    expect(await waiting).toBe(true);
  });

  it('finds out by itself, a little later, when the message was lost', async () => {
    const { database, waitFor } = setup(0);
    const waiting = waitFor(8, 5_000);
    await vi.advanceTimersByTimeAsync(100);
    database.position = 9;
    await vi.advanceTimersByTimeAsync(250);
    expect(await waiting).toBe(true);
  });

  it('gives up after its time', async () => {
    const { waitFor } = setup(7);
    const waiting = waitFor(8, 5_000);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await waiting).toBe(false);
  });

  it('costs the same question whoever and how many wait', async () => {
    const { database, waitFor, advance } = setup(0);
    const waiting = Array.from({ length: 64 }, async (_, index) => waitFor(index + 1, 5_000));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(database.asked).toBe(1 + 4);
    advance(64);
    expect(await Promise.all(waiting)).toEqual(Array.from({ length: 64 }, () => true));
  });

  it('leaves nothing running when nobody waits', async () => {
    const { database, waitFor } = setup(7);
    const waiting = waitFor(8, 300);
    await vi.advanceTimersByTimeAsync(300);
    await waiting;
    const { asked } = database;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(database.asked).toBe(asked);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('fails when the read model cannot be asked at all', async () => {
    const { waitFor } = createPositionWaiter(async () => Promise.reject(new Error('no database')));
    await expect(waitFor(8, 5_000)).rejects.toThrow('no database');
    expect(vi.getTimerCount()).toBe(0);
  });
});
