-- A session of Neovim's own client with `forge lsp`, without a screen. FORGE names the program.
local folder = vim.fn.tempname() .. '/demo'
vim.fn.mkdir(folder, 'p')
local recipe = folder .. '/recipe.yaml'
vim.fn.writefile({
  'context:', '  version: "1.2.3"', 'package:', '  name: demo', '  version: ${{version}}',
  'build:', '  nmber: 0', 'requirements:', '  host:', '    - python', 'about:', '  license: MIT', '  summary: é𝕏 ${{ python }}' }, recipe)
vim.fn.writefile({ 'python:', '  - "3.11"', '  - "3.12"' }, folder .. '/variants.yaml')

local function fail(what) error(what, 2) end
local function want(ok, what) if not ok then fail(what .. ' fails') end print(what .. ': ok\n') end

-- waits until the diagnostics of the buffer are as they should be
local function until_diagnostics(is, what)
  local ok = vim.wait(60000, function() return is(vim.diagnostic.get(0)) end, 20)
  want(ok, what)
end
local function has(list, code)
  for _, d in ipairs(list) do
    if (d.code or d.user_data and d.user_data.lsp and d.user_data.lsp.code) == code then return d end
  end
end
local function at(line, column) vim.api.nvim_win_set_cursor(0, { line, column }) end
local function ask(method, more)
  local params = vim.tbl_extend('force', vim.lsp.util.make_position_params(), more or {})
  local answers = vim.lsp.buf_request_sync(0, method, params, 60000)
  for _, a in pairs(answers or {}) do
    if a.error then fail(method .. ': ' .. a.error.message) end
    return a.result
  end
end
local function text() return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n') end

local function session()
  vim.cmd('edit ' .. recipe)
  local client = vim.lsp.start_client({ name = 'forge', cmd = { os.getenv('FORGE'), 'lsp' }, root_dir = folder })
  want(vim.lsp.buf_attach_client(0, client), 'attach')
  until_diagnostics(function(l) return has(l, 'unknown-key') end, 'diagnostics on opening')
  local d = has(vim.diagnostic.get(0), 'unknown-key')
  want(d.lnum == 6 and d.col == 2 and d.end_col == 7, 'their place')

  at(7, 3)
  vim.cmd('normal! iu') -- nmber -> number
  until_diagnostics(function(l) return not has(l, 'unknown-key') and has(l, 'jinja-spacing') end, 'diagnostics while typing')

  local spacing = has(vim.diagnostic.get(0), 'jinja-spacing')
  local actions = ask('textDocument/codeAction', {
    range = { start = { line = spacing.lnum, character = spacing.col }, ['end'] = { line = spacing.lnum, character = spacing.end_col } },
    context = { diagnostics = {}, only = { 'quickfix' } } })
  vim.lsp.util.apply_workspace_edit(actions[1].edit, 'utf-16')
  want(text():find('version: ${{ version }}', 1, true) ~= nil, 'code action')

  vim.api.nvim_buf_set_lines(0, 6, 7, false, { '    number:   0  # kept' })
  if vim.lsp.buf.format then vim.lsp.buf.format({ timeout_ms = 60000 }) else vim.lsp.buf.formatting_sync({}, 60000) end
  want(text():find('\n  number: 0  # kept\n', 1, true) ~= nil, 'formatting')

  local line = 13
  local column = vim.fn.getline(line):find('python', 1, true)
  at(line, column)
  local hover = ask('textDocument/hover')
  want(hover.contents.value:find('3.11', 1, true) and hover.contents.value:find('3.12', 1, true), 'hover with the value of each variant')
  local place = ask('textDocument/definition')
  want((place.uri or place[1].uri):find('variants.yaml', 1, true), 'definition of a variant key')

  at(5, vim.fn.getline(5):find('version }}', 1, true))
  vim.lsp.buf.rename('release')
  want(vim.wait(60000, function() return text():find('release: "1.2.3"', 1, true) and text():find('${{ release }}', 1, true) end, 20), 'rename')

  vim.api.nvim_buf_set_lines(0, 6, 6, false, { '  n' })
  at(7, 3)
  vim.cmd('startinsert!')
  local items = ask('textDocument/completion', { position = { line = 6, character = 3 } })
  local found = {}
  for _, i in ipairs(items.items or items) do found[i.label] = true end
  want(found.noarch, 'completion of keys')
  vim.lsp.stop_client(client)
end

local ok, err = pcall(session)
if not ok then io.stderr:write(tostring(err) .. '\n') end
vim.cmd(ok and 'qall!' or 'cquit!')
