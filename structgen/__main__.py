"""`python -m structgen`: the command line."""

from structgen.cli.main import main

if __name__ == "__main__":
    main()
