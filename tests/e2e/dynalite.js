/**
 * dynalite on a free port of this machine: a DynamoDB that nobody here wrote, and its address.
 *
 * It is older than ReturnValuesOnConditionCheckFailure, which every write of ours asks for: the old
 * item is put beside its verdict.
 */
const db = require('dynalite/db');

const { checkConditional } = db;
db.checkConditional = (request, item) => {
  const verdict = checkConditional(request, item);
  if (verdict && item) {
    verdict.body.Item = item;
  }
  return verdict;
};

const server = require('dynalite')({ createTableMs: 0, deleteTableMs: 0 });
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${server.address().port}\n`);
});
