namespace ChainOfSpot.Cli.Errors;

/// <summary>What <c>--json</c> prints for an error.</summary>
internal sealed record ErrorJson(CommandError Error);
