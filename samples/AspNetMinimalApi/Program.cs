// Upload a picture and a question, get the answer and where it looked, at once or as server-sent events:
//   curl -F picture=@shapes-1.png -F "question=What number is on the red circle?" http://localhost:5000/ask
//   curl -N -F picture=@shapes-1.png -F "question=What number is on the red circle?" http://localhost:5000/ask/stream
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using ChainOfSpot;
using ChainOfSpot.Extensions.AI;
using ChainOfSpot.Images;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.AI;

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.Services.AddChainOfSpot(options =>
{
    // --Model DIR, the environment or appsettings.json; without it the demonstration model.
    options.Model = builder.Configuration["Model"] ?? Path.Combine(AppContext.BaseDirectory, "models", "spot-tiny");
    options.Pictures = options.Pictures with { MaxPixels = 50_000_000 };
});
builder.Services.AddChatClient(services => services.GetRequiredService<ChainOfSpotChatClient>()).UseOpenTelemetry().UseLogging();

WebApplication app = builder.Build();

// Ready when the model is loaded: questions before that wait for it.
app.MapGet("/ready", (ChainOfSpotEngineProvider engines) =>
    engines.GetAsync().IsCompletedSuccessfully ? Results.Ok() : Results.StatusCode(StatusCodes.Status503ServiceUnavailable));

RouteGroupBuilder ask = app.MapGroup("/ask").DisableAntiforgery().AddEndpointFilter(async (context, next) =>
{
    try
    {
        return await next(context);
    }
    catch (Exception error) when (error is PictureException or ContextLengthException or ArgumentException or NotSupportedException)
    {
        return Results.Problem(error.Message, statusCode: StatusCodes.Status400BadRequest);
    }
});

ask.MapPost("", async (IFormFile picture, [FromForm] string question, IChatClient client, CancellationToken cancellation) =>
{
    ChatResponse response = await client.GetResponseAsync(await MessageAsync(picture, question, cancellation), cancellationToken: cancellation);
    return new AskedJson(response.Text, response.AdditionalProperties?[RegionProperties.Pixels], response.Usage);
});

ask.MapPost("/stream", async (IFormFile picture, [FromForm] string question, IChatClient client, CancellationToken cancellation) =>
    TypedResults.ServerSentEvents(EventsAsync(client, await MessageAsync(picture, question, cancellation), cancellation)));

app.Run();

static async Task<ChatMessage> MessageAsync(IFormFile picture, string question, CancellationToken cancellation)
{
    await using Stream stream = picture.OpenReadStream();
    return new ChatMessage(ChatRole.User, [await DataContent.LoadFromAsync(stream, picture.ContentType, cancellation), new TextContent(question)]);
}

static async IAsyncEnumerable<SseItem<object>> EventsAsync(
    IChatClient client, ChatMessage message, [EnumeratorCancellation] CancellationToken cancellation)
{
    await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync([message], cancellationToken: cancellation))
    {
        if (update.AdditionalProperties?[RegionProperties.Pixels] is { } pixels)
            yield return new SseItem<object>(pixels, "region");
        else if (update.Contents is [UsageContent usage])
            yield return new SseItem<object>(usage.Details, "usage");
        else
            yield return new SseItem<object>(update.Text, "text");
    }
}

/// <summary>An answer: its text, where the engine looked (left, top, right, bottom in pixels) and the tokens of it.</summary>
internal sealed record AskedJson(string Answer, object? Region, UsageDetails? Usage);
