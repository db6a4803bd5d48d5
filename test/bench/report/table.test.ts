import { expect, test } from 'vitest';
import { markdownTable } from '../../../bench/report/table.ts';

test('a table has its numbers to the right, and an empty cell for what is not known', () => {
  const table = markdownTable(
    [{ title: 'what' }, { title: 'how many', align: 'right' }],
    [
      ['some', 3],
      ['a | b', undefined],
    ],
  );
  expect(table).toBe('| what | how many |\n| --- | ---: |\n| some | 3 |\n| a \\| b |  |');
});
