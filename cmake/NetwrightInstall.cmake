# install: filled in with the package file.
