package document

const bounds = true
